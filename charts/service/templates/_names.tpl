{{/*
The name of everything: the release's, so that two releases never meet. Inside of another chart one release may hold this
one several times, so there its name (or alias) follows. Kubernetes allows a Service 63 characters.
*/}}
{{- define "service.fullname" -}}
{{- if or .Values.fullnameOverride .Chart.IsRoot -}}
{{- .Values.fullnameOverride | default .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- include "service.suffixed" (list .Release.Name .Chart.Name) -}}
{{- end -}}
{{- end -}}

{{/* The name of everything with a suffix: list $ "headless". */}}
{{- define "service.nameWith" -}}
{{- include "service.suffixed" (list (include "service.fullname" (index . 0)) (index . 1)) -}}
{{- end -}}

{{/* What must be cut gets a hash, or two long names would become one: list NAME SUFFIX. */}}
{{- define "service.suffixed" -}}
{{- $name := index . 0 -}}
{{- $suffix := printf "-%s" (index . 1) -}}
{{- $room := sub 63 (len $suffix) | int -}}
{{- if gt (len $name) $room -}}
{{- $name = printf "%s-%s" (trunc (sub $room 7 | int) $name | trimSuffix "-") (sha256sum $name | trunc 6) -}}
{{- end -}}
{{- printf "%s%s" $name $suffix -}}
{{- end -}}

{{- define "service.appName" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "service.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "service.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "service.image" -}}
{{- include "service.reference" (list .Values.image .Chart.AppVersion) -}}
{{- end -}}

{{/* An image as a node pulls it: list IMAGE TAG-WHERE-NONE-IS-SET. A digest wins over a tag: it cannot be pushed over. */}}
{{- define "service.reference" -}}
{{- $fallback := index . 1 -}}
{{- with index . 0 -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (.tag | default $fallback) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* YAML reads a bare `off` as false, so both mean off. */}}
{{- define "service.strength" -}}
{{- $strength := . | toString -}}
{{- if eq $strength "false" -}}off{{- else -}}{{ $strength }}{{- end -}}
{{- end -}}

{{/* A number as one writes it: Helm hands out floats, which print as 1e+06. */}}
{{- define "service.number" -}}
{{- if eq (float64 .) (floor .) -}}{{ int64 . }}{{- else -}}{{ . }}{{- end -}}
{{- end -}}

{{/* A whole number or a percentage of a count, rounded up: list "25%" 3. */}}
{{- define "service.share" -}}
{{- $value := index . 0 | toString -}}
{{- if hasSuffix "%" $value -}}
{{- divf (mulf (trimSuffix "%" $value | float64) (index . 1)) 100 | ceil | int64 -}}
{{- else -}}
{{- $value | float64 | int64 -}}
{{- end -}}
{{- end -}}
