{{/* What the chart tells the program, as YAML. Each of these has a value of its own, so extraEnv may not name it. */}}
{{- define "service.env" -}}
{{- $budget := include "service.budget" . | fromJson -}}
- name: REPLICA_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- with .Values.role }}
- name: SERVICE_ROLE
  value: {{ . | quote }}
{{- end }}
- name: PORT
  value: {{ include "service.number" .Values.ports.http | quote }}
{{- with .Values.ports.admin }}
- name: ADMIN_PORT
  value: {{ include "service.number" . | quote }}
{{- end }}
{{- with .Values.upstream.url }}
- name: STOCK_URL
  value: {{ . | quote }}
{{- end }}
- name: EXPOSE_REPLICA
  value: {{ .Values.exposeReplica | quote }}
- name: CONNECTION_MAX_AGE_SECONDS
  value: {{ include "service.number" .Values.connectionMaxAgeSeconds | quote }}
- name: LONGEST_REQUEST_SECONDS
  value: {{ include "service.number" .Values.longestRequestSeconds | quote }}
- name: DRAIN_ENABLED
  value: {{ .Values.shutdown.enabled | quote }}
- name: LAG_SECONDS
  value: "0"
- name: ANNOUNCE_SECONDS
  value: {{ include "service.number" .Values.shutdown.announceSeconds | quote }}
- name: DRAIN_SECONDS
  value: {{ include "service.number" .Values.shutdown.drainSeconds | quote }}
- name: CLOSE_SECONDS
  value: {{ include "service.number" .Values.shutdown.closeSeconds | quote }}
- name: FLUSH_SECONDS
  value: {{ include "service.number" .Values.shutdown.flushSeconds | quote }}
- name: CRASH_LAG_SECONDS
  value: {{ $budget.crashLag | int64 | quote }}
- name: SHED_ABOVE
  value: {{ .Values.shedding.above | quote }}
- name: SHED_BELOW
  value: {{ .Values.shedding.below | quote }}
- name: FAULTS_ENABLED
  value: {{ .Values.faults.enabled | quote }}
{{- if eq .Values.logShipping.mode "sidecar" }}
{{- with .Values.logShipping.sidecar }}
- name: LOG_FILE_DIR
  value: {{ include "service.logDirectory" $ }}
- name: LOG_FILE_MAX_BYTES
  value: {{ include "service.number" .maxFileBytes | quote }}
- name: LOG_FILES
  value: {{ include "service.number" .files | quote }}
- name: SHIP_SECONDS
  value: {{ include "service.number" .shipSeconds | quote }}
{{- end }}
{{- end }}
{{- with .Values.telemetry }}
{{- if .otlp.endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ .otlp.endpoint | quote }}
{{- with .otlp.headersSecret }}
{{- if .name }}
- name: OTEL_EXPORTER_OTLP_HEADERS
  valueFrom:
    secretKeyRef:
      name: {{ .name }}
      key: {{ .key }}
{{- end }}
{{- end }}
{{- end }}
- name: OTEL_TRACES_SAMPLER_ARG
  value: {{ include "service.number" .traces.sampleRatio | quote }}
{{- end }}
{{- with include "service.nodeOptions" . }}
- name: NODE_OPTIONS
  value: {{ . | quote }}
{{- end }}
{{- end -}}

{{/* A heap that fits the memory limit: V8 collects in time instead of the kernel killing the process. */}}
{{- define "service.nodeOptions" -}}
{{- $options := list -}}
{{- with include "service.oldSpaceMebibytes" . }}{{ $options = append $options (printf "--max-old-space-size=%s" .) }}{{ end -}}
{{- with .Values.heap.semiSpaceMebibytes }}{{ $options = append $options (printf "--max-semi-space-size=%d" (int64 .)) }}{{ end -}}
{{- concat $options .Values.nodeOptions | join " " -}}
{{- end -}}

{{/* V8's old generation in MiB, or nothing where neither a size nor a memory limit is set. */}}
{{- define "service.oldSpaceMebibytes" -}}
{{- $limit := include "service.memoryLimitMebibytes" . -}}
{{- if .Values.heap.oldSpaceMebibytes -}}
{{- .Values.heap.oldSpaceMebibytes | int64 -}}
{{- else if $limit -}}
{{- mulf ($limit | float64) .Values.heap.oldSpaceRatio | floor | int64 -}}
{{- end -}}
{{- end -}}

{{/* resources.limits.memory in MiB, or nothing where there is no limit. */}}
{{- define "service.memoryLimitMebibytes" -}}
{{- include "service.mebibytes" (dig "limits" "memory" "" .Values.resources) -}}
{{- end -}}

{{/* A quantity of Kubernetes in whole MiB; nothing stays nothing. */}}
{{- define "service.mebibytes" -}}
{{- $quantity := . | toString -}}
{{- if $quantity -}}
{{- $bytes := dict "" 1 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- $unit := regexFind "[A-Za-z]*$" $quantity -}}
{{- divf (mulf (trimSuffix $unit $quantity | float64) (get $bytes $unit)) 1048576 | floor | int64 -}}
{{- end -}}
{{- end -}}
