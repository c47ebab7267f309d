{{/* Never changes over a release's life: a Deployment's selector cannot. */}}
{{- define "service.selectorLabels" -}}
app.kubernetes.io/name: {{ include "service.appName" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* On objects, not on pods: a new chart version must not roll pods by its label alone. */}}
{{- define "service.objectLabels" -}}
{{ include "service.selectorLabels" . }}
{{- /* A digest alone does not say which version it is. */}}
{{- if or .Values.image.tag (not .Values.image.digest) }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | regexFind "^.*[A-Za-z0-9]" | quote }}
{{- end }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "service.podLabels" -}}
{{- $own := include "service.selectorLabels" . | fromYaml -}}
{{- with .Values.role }}{{ $own = set $own "app.kubernetes.io/component" . }}{{ end -}}
{{- merge (dict) .Values.podLabels .Values.commonLabels $own | toYaml -}}
{{- end -}}

{{/* Metadata of an object: dict "root" $ "name" NAME, with "labels" and "annotations" where there are any. */}}
{{- define "service.metadata" -}}
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- merge (dict) (.labels | default dict) .root.Values.commonLabels (include "service.objectLabels" .root | fromYaml) | toYaml | nindent 4 }}
  {{- with merge (dict) (.annotations | default dict) .root.Values.commonAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/*
How the pod's lines get away, which an agent on the node obeys: that one is the chart's alone. And where Prometheus scrapes;
not beside a PodMonitor: a server that obeys both would count every request twice. A new configuration of the sidecar rolls
the pods, since the collector reads it once.
*/}}
{{- define "service.podAnnotations" -}}
{{- $scrape := dict -}}
{{- with .Values.metrics -}}
{{- if and .podAnnotations (not .podMonitor.enabled) -}}
{{- $port := index $.Values.ports .port | default 0 | int64 | toString -}}
{{- $scrape = dict "prometheus.io/scrape" "true" "prometheus.io/port" $port "prometheus.io/path" .path -}}
{{- end -}}
{{- end -}}
{{- $shipping := dict "holdfast/log-shipping" .Values.logShipping.mode -}}
{{- if eq .Values.logShipping.mode "sidecar" -}}
{{- $shipping = set $shipping "holdfast/log-shipper-config" (include "service.logShipperConfig" . | sha256sum | trunc 16) -}}
{{- end -}}
{{ merge $shipping .Values.podAnnotations .Values.commonAnnotations $scrape | toYaml }}
{{- end -}}
