{{/*
Replicas apart from each other. Each revision is counted for itself (matchLabelKeys), or the old pods of a rollout would
decide where the new ones go. Nodes with a taint that is not tolerated are no domain (Honor), or the control plane, a
cordoned or a lost node would count as an empty one and replacements would hang Pending.
*/}}
{{- define "service.spread" -}}
{{- $topologies := list (list .Values.spread.zone "topology.kubernetes.io/zone") (list .Values.spread.host "kubernetes.io/hostname") -}}
{{- range $topologies }}
{{- $strength := include "service.strength" (index . 0) }}
{{- if ne $strength "off" }}
- maxSkew: 1
  topologyKey: {{ index . 1 }}
  whenUnsatisfiable: {{ ternary "DoNotSchedule" "ScheduleAnyway" (eq $strength "hard") }}
  nodeTaintsPolicy: Honor
  matchLabelKeys: [pod-template-hash]
  labelSelector:
    matchLabels:
      {{- include "service.selectorLabels" $ | nindent 6 }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "service.affinity" -}}
{{- with .Values.nodeAffinity }}
{{- if or .required .preferred }}
nodeAffinity:
  {{- with .required }}
  requiredDuringSchedulingIgnoredDuringExecution:
    nodeSelectorTerms:
      {{- toYaml . | nindent 6 }}
  {{- end }}
  {{- with .preferred }}
  preferredDuringSchedulingIgnoredDuringExecution:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end }}
{{- $upstream := include "service.strength" .Values.upstreamAffinity.mode }}
{{- if ne $upstream "off" }}
podAffinity:
  {{- $near := dict
    "topologyKey" (ternary "kubernetes.io/hostname" "topology.kubernetes.io/zone" (eq .Values.upstreamAffinity.topology "host"))
    "labelSelector" (dict "matchLabels" (dict "app.kubernetes.io/instance" .Values.upstreamAffinity.release)) }}
  {{- include "service.podTerm" (list $upstream $near) | nindent 2 }}
{{- end }}
{{- $host := include "service.strength" .Values.antiAffinity.host }}
{{- if ne $host "off" }}
podAntiAffinity:
  {{- $own := dict "topologyKey" "kubernetes.io/hostname" "labelSelector" (dict "matchLabels" (include "service.selectorLabels" . | fromYaml)) }}
  {{- include "service.podTerm" (list $host $own) | nindent 2 }}
{{- end }}
{{- end -}}

{{/* One pod (anti-)affinity term, as a rule or as a wish: list "hard" TERM. */}}
{{- define "service.podTerm" -}}
{{- if eq (index . 0) "hard" -}}
requiredDuringSchedulingIgnoredDuringExecution:
  - {{- toYaml (index . 1) | nindent 4 }}
{{- else -}}
preferredDuringSchedulingIgnoredDuringExecution:
  - weight: 100
    podAffinityTerm:
      {{- toYaml (index . 1) | nindent 6 }}
{{- end -}}
{{- end -}}

{{/* Kubernetes adds 300 s for a node that is not ready or unreachable; a shorter time replaces pods sooner. */}}
{{- define "service.tolerations" -}}
{{- with .Values.tolerations }}
{{- toYaml . }}
{{- end }}
{{- range $taint, $seconds := dict "not-ready" .Values.tolerationSeconds.notReady "unreachable" .Values.tolerationSeconds.unreachable }}
{{- if not (kindIs "invalid" $seconds) }}
- key: node.kubernetes.io/{{ $taint }}
  operator: Exists
  effect: NoExecute
  tolerationSeconds: {{ int64 $seconds }}
{{- end }}
{{- end }}
{{- end -}}
