{{/*
Requests a second that were answered, or refused, by this release: list $ SECONDS, and more labels where only some of them
are meant. One selector for all, the scaler's: what it counts, the alert watches.
*/}}
{{- define "service.requestRate" -}}
{{- $root := index . 0 -}}
{{- $more := "" -}}
{{- if gt (len .) 2 -}}{{- $more = printf ",%s" (index . 2) -}}{{- end -}}
{{- printf "sum(rate(http_server_request_duration_seconds_count{namespace=%q,pod=~%q%s}[%ds]))"
  $root.Release.Namespace (include "service.podPattern" $root) $more (index . 1 | int64) -}}
{{- end -}}
