{{/*
The one shutdown budget, in seconds, as JSON: what each phase takes, what they `need` together, and the `grace` of the pod.

Kubernetes takes a pod out of the endpoints at the moment its deletion begins, while the preStop hook runs. So the hook's
sleep is the time in which traffic still arrives, the service itself waits for nothing more (LAG_SECONDS is 0), and the
grace period covers all of it one after the other. Native sidecars get SIGTERM when the service has ended, so theirs is a
phase of its own. What the service waits after its last line, for a sidecar to read and hand on, comes before that.
*/}}
{{- /* 600 s is the most that the program takes for the lag of a crash. */ -}}
{{- define "service.budget" -}}
{{- $s := .Values.shutdown -}}
{{- $preStop := ternary $s.preStopSeconds 0 $s.enabled | int64 -}}
{{- $ship := ternary .Values.logShipping.sidecar.shipSeconds 0 (eq .Values.logShipping.mode "sidecar") -}}
{{- $needs := addf $preStop $s.announceSeconds $s.drainSeconds $s.closeSeconds $s.flushSeconds $ship $s.sidecarSeconds $s.marginSeconds | ceil | int64 -}}
{{- dict
  "preStop" $preStop
  "ship" $ship
  "needs" $needs
  "grace" ($s.graceSeconds | default $needs | int64)
  "livenessGrace" (add $preStop 5)
  "crashLag" (min 600 (addf (mulf .Values.probes.readiness.periodSeconds .Values.probes.readiness.failureThreshold) 2 | int64))
| toJson -}}
{{- end -}}
