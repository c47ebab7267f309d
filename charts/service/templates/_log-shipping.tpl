{{/*
Mode sidecar: the service writes its lines to files too, and an OpenTelemetry Collector beside it hands them on. Where it
stopped reading, and what waits for the destination, lies on the same volume, so a collector that is restarted goes on.
*/}}
{{- define "service.logDirectory" -}}
/var/log/service
{{- end -}}

{{- /* The collector's own default, where its health_check extension answers. */ -}}
{{- define "service.logShipperPort" -}}
13133
{{- end -}}

{{/* A native sidecar: up before the service starts, told to end when the service has ended. */}}
{{- define "service.logShipper" -}}
{{- with .Values.logShipping.sidecar -}}
- name: log-shipper
  image: {{ include "service.reference" (list .image "") }}
  imagePullPolicy: IfNotPresent
  restartPolicy: Always
  args:
    - --config=/etc/log-shipper/config.yaml
    {{- /* What was read is in the queue before the offset behind it is stored: otherwise a SIGKILL in between loses it. */}}
    - --feature-gates=stanza.synchronousLogEmitter
  env:
    {{- range $name, $path := dict "NODE_NAME" "spec.nodeName" "POD_NAME" "metadata.name" "POD_UID" "metadata.uid" }}
    - name: {{ $name }}
      valueFrom:
        fieldRef:
          fieldPath: {{ $path }}
    {{- end }}
    {{- with .headersSecret }}
    {{- if .name }}
    - name: HEADER
      valueFrom:
        secretKeyRef:
          name: {{ .name }}
          key: {{ .key }}
    {{- end }}
    {{- end }}
    {{- with include "service.mebibytes" (dig "limits" "memory" "" .resources) }}
    {{- /* Below the limit, so that Go frees memory before the kernel ends the container. */}}
    - name: GOMEMLIMIT
      value: {{ printf "%dMiB" (mulf (float64 .) 0.7 | floor | int64) }}
    {{- end }}
  ports:
    - name: log-health
      containerPort: {{ include "service.logShipperPort" $ }}
  {{- /* The service starts after its first yes. No other probe: a pod serves well while its lines wait. */}}
  startupProbe:
    httpGet:
      path: /
      port: log-health
    periodSeconds: 1
    timeoutSeconds: 2
    failureThreshold: {{ include "service.logShipperStartSeconds" $ }}
  resources:
    {{- toYaml .resources | nindent 4 }}
  securityContext:
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    runAsNonRoot: true
    capabilities:
      drop: [ALL]
  volumeMounts:
    - name: log-shipping
      mountPath: {{ include "service.logDirectory" $ }}
    - name: log-shipper-config
      mountPath: /etc/log-shipper
      readOnly: true
{{- end -}}
{{- end -}}

{{- /* 1 s where the image is there; the rest is reserve for a busy node. */ -}}
{{- define "service.logShipperStartSeconds" -}}
60
{{- end -}}

{{- define "service.logVolumes" -}}
- name: log-shipping
  emptyDir:
    sizeLimit: {{ .Values.logShipping.sidecar.volumeSizeLimit }}
- name: log-shipper-config
  configMap:
    name: {{ include "service.nameWith" (list . "log-shipper") }}
{{- end -}}

{{/*
The most that the volume may come to hold, in MiB: the service's files, and one more while the oldest is being deleted; the
queue, whose file is up to twice as large as what waits in it (measured: 48 MiB for 32, 8 for 4); and 16 MiB, by which such a
file grows at a time, for the rest.
*/}}
{{- define "service.logVolumeNeeds" -}}
{{- with .Values.logShipping.sidecar -}}
{{- $files := mulf (addf .files 1) .maxFileBytes -}}
{{- divf (addf $files (mulf 2 .queueBytes)) 1048576 | ceil | addf 16 | int64 -}}
{{- end -}}
{{- end -}}

{{/*
The collector's configuration. It makes the same records as an agent on the node would (k8s/platform/log-agent), and uses
only what OpenTelemetry's k8s distribution holds.
*/}}
{{- define "service.logShipperConfig" -}}
{{- with .Values.logShipping.sidecar -}}
receivers:
  file_log:
    include: [{{ include "service.logDirectory" $ }}/service-*.log]
    start_at: beginning
    include_file_name: false
    poll_interval: {{ int64 .pollIntervalMilliseconds }}ms
    # Longer lines are stored in pieces of this size.
    max_log_size: 262144
    storage: file_storage
    # While the queue is full, reading waits.
    retry_on_failure:
      enabled: true
      max_elapsed_time: 0s
    resource:
      k8s.namespace.name: {{ $.Release.Namespace | quote }}
      k8s.pod.name: ${env:POD_NAME}
      k8s.pod.uid: ${env:POD_UID}
      k8s.container.name: service
      k8s.node.name: ${env:NODE_NAME}
      k8s.pod.label.instance: {{ $.Release.Name | quote }}
      holdfast.log_shipping: sidecar
    operators:
      - type: json_parser
        id: json
        if: body matches "^\\s*\\{(?s:.*)\\}\\s*$"
        parse_from: body
        parse_to: attributes
        parse_ints: true
        # What only looks like JSON stays the line that it is.
        on_error: send_quiet
        severity:
          parse_from: attributes.level
          mapping: { error: [error, err], warn: [warn, warning], info: [info, notice], debug: debug, trace: trace, fatal: [fatal, critical] }
        trace:
          trace_id: { parse_from: attributes.trace_id }
          span_id: { parse_from: attributes.span_id }
          trace_flags: { parse_from: attributes.trace_flags }

processors:
  memory_limiter:
    check_interval: 1s
    limit_percentage: 80
    spike_limit_percentage: 20
  transform:
    error_mode: ignore
    log_statements:
      - context: log
        statements:
          # In place of the time that a container's runtime gives to each line.
          - set(log.time_unix_nano, log.observed_time_unix_nano) where log.time_unix_nano == 0
          # The store drops a line of more than 1 000 fields or with a name of more than 128 characters. Long before that, a line stays the text that
          # it is, with its ids.
          - set(log.cache["odd"], true) where Len(log.attributes) > 200
          - set(log.cache["odd"], true) where IsString(log.body) and IsMatch(log.body, "\"[^\"]{100,}\"\\s*:")
          - keep_keys(log.attributes, ["trace_id", "span_id", "seq", "log.iostream"]) where log.cache["odd"] == true
          - set(log.body, log.attributes["msg"]) where IsString(log.attributes["msg"])
          - delete_key(log.attributes, "msg") where IsString(log.attributes["msg"])
          # What the line says of its time counts, unless it cannot be true: the store refuses what is older than it keeps, or in the future.
          - set(log.cache["ns"], UnixNano(Time(log.attributes["time"], "%Y-%m-%dT%H:%M:%S.%LZ"))) where IsString(log.attributes["time"]) and IsMatch(log.attributes["time"], "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$")
          - set(log.time_unix_nano, log.cache["ns"]) where log.cache["ns"] != nil and log.cache["ns"] - log.time_unix_nano < 3600000000000 and log.time_unix_nano - log.cache["ns"] < 3600000000000
          - delete_key(log.attributes, "time") where log.cache["ns"] != nil
          - delete_key(log.attributes, "log.file.path")
          - delete_key(log.attributes, "logtag")

exporters:
  otlp_http:
    logs_endpoint: {{ .endpoint | replace "$" "$$" | quote }}
    headers:
      VL-Stream-Fields: k8s.namespace.name,k8s.pod.name,k8s.container.name
      {{- if .headersSecret.name }}
      {{ .headersSecret.header }}: ${env:HEADER}
      {{- end }}
    timeout: 10s
    # For ever; and often, since a pod that ends waits for the next try only {{ include "service.number" .shipSeconds }} s.
    retry_on_failure:
      enabled: true
      initial_interval: 250ms
      max_interval: 1s
      max_elapsed_time: 0s
    sending_queue:
      {{- if eq .queueStorage "disk" }}
      storage: file_storage
      {{- end }}
      sizer: bytes
      queue_size: {{ int64 .queueBytes }}
      num_consumers: 4
      # What does not fit stays in its file, unread.
      block_on_overflow: true

extensions:
  health_check:
    endpoint: ":{{ include "service.logShipperPort" $ }}"
  file_storage:
    directory: {{ include "service.logDirectory" $ }}/.log-shipper
    create_directory: true

service:
  extensions: [health_check, file_storage]
  pipelines:
    logs:
      receivers: [file_log]
      # No batch processor: it would acknowledge lines that are in memory only.
      processors: [memory_limiter, transform]
      exporters: [otlp_http]
  telemetry:
    logs:
      level: info
      encoding: json
    # Nobody scrapes it: Prometheus asks one port of the pod, the service's.
    metrics:
      level: none
{{- end -}}
{{- end -}}
