{{/*
Requests a second that are offered to all replicas: the histogram counts what was served and what was shed, so overload
asks for more replicas although fewer requests succeed. The labels hold for a PodMonitor and for plain pod discovery.
*/}}
{{- define "service.offeredRequests" -}}
{{- include "service.requestRate" (list . .Values.autoscaling.requestsPerSecond.windowSeconds) -}}
{{- end -}}

{{/*
The pods of this Deployment: NAME-revision-random, so that those of a release NAME-b do not match. A revision is a number of
32 bits, rewritten letter by letter: ten characters, and fewer where the number is small. Kubernetes cuts what comes before
the five random characters at 58, which a long name reaches.
*/}}
{{- define "service.podPattern" -}}
{{- $name := include "service.fullname" . -}}
{{- if le (len $name) 46 -}}
{{- printf "%s-[a-z0-9]{1,10}-[a-z0-9]{5}" $name -}}
{{- else -}}
{{- printf "%s[a-z0-9-]+" (trunc 58 $name) -}}
{{- end -}}
{{- end -}}

{{/* The highest number of replicas that may run outside of a rollout. In mode external nobody here knows: ask `service.replicasKnown` first. */}}
{{- define "service.mostReplicas" -}}
{{- ternary .Values.replicas .Values.autoscaling.maxReplicas (eq .Values.autoscaling.mode "none") | int64 -}}
{{- end -}}

{{/* The lowest, likewise. */}}
{{- define "service.leastReplicas" -}}
{{- ternary .Values.replicas .Values.autoscaling.minReplicas (eq .Values.autoscaling.mode "none") | int64 -}}
{{- end -}}

{{/* Something, where this chart says how many replicas there may be. */}}
{{- define "service.replicasKnown" -}}
{{- if ne .Values.autoscaling.mode "external" -}}true{{- end -}}
{{- end -}}
