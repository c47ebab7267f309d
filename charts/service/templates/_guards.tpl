{{/*
What the schema cannot say: combinations of values that render and then hurt. Each guard is a sentence or nothing; all that
apply are said at once. `helm lint` ignores them, so they are tested with `helm template`.
*/}}
{{- define "service.guards" -}}
{{- $names := list "noImage" "imageName" "serviceName" "containerNames" "fixedLabels" "managedVariables" "nodePort" "ports" "probePaths"
  "graceTooShort" "drainTooShort" "lossOptIn" "attemptTooLong" "sheddingGap" "faultsOptIn" "heapTooLarge" "heapOptions"
  "rolloutStuck" "deadlineTooShort" "hardAntiAffinity" "upstreamRelease" "pdbBlocks" "pdbTakesAll"
  "minAboveMax" "kedaMinimum" "twoScalers" "noMetric" "requestsMissing" "windowTooShort" "replicasKept"
  "shipperDestination" "shipTooShort" "shipperVolume" "shipperNames" "alertWindow" -}}
{{- $problems := list -}}
{{- range $names -}}
{{- with include (printf "service.guard.%s" .) $ | trim -}}{{- $problems = append $problems . -}}{{- end -}}
{{- end -}}
{{- with $problems -}}{{- join "\n" . | fail -}}{{- end -}}
{{- end -}}

{{/* ---- identity ---- */}}

{{- define "service.guard.noImage" -}}
{{- if not .Values.image.repository -}}
image.repository is not set, and this chart has no image of its own to fall back on: build and push one with `npm run image -- --push REGISTRY/NAME` and set image.repository=REGISTRY/NAME and image.tag to what it prints (`npm run up` does all three on a cluster of its own).
{{- end -}}
{{- end -}}

{{- define "service.guard.imageName" -}}
{{- with .Values.image.repository -}}
{{- if not (regexMatch "^([A-Za-z0-9.-]+(:[0-9]+)?/)?[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$" .) -}}
{{- printf "image.repository is %q, which is not the name of an image alone: no node could pull it. Write registry/name there, and a tag into image.tag, a digest into image.digest." . -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "service.guard.serviceName" -}}
{{- $name := include "service.fullname" . -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) -}}
{{- printf "%q cannot name a Service, which must begin with a letter and hold only small letters, digits and hyphens: Kubernetes would refuse it. Choose another release name or set fullnameOverride." $name -}}
{{- end -}}
{{- end -}}

{{- define "service.guard.containerNames" -}}
{{- $names := list "service" -}}
{{- $own := "container, which is \"service\"" -}}
{{- if eq .Values.logShipping.mode "sidecar" -}}
{{- $names = append $names "log-shipper" -}}
{{- $own = "containers, which are \"service\" and \"log-shipper\"" -}}
{{- end -}}
{{- $twice := list -}}
{{- range concat .Values.initContainers .Values.extraContainers -}}
{{- if has .name $names -}}{{- $twice = append $twice .name -}}{{- end -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- with uniq $twice -}}
{{- printf "initContainers and extraContainers name %s twice, or as the chart's own %s: Kubernetes would refuse the pod. Give each a name of its own." (join ", " .) $own -}}
{{- end -}}
{{- end -}}

{{- define "service.guard.fixedLabels" -}}
{{- range $value := list "commonLabels" "podLabels" -}}
{{- range $label, $_ := index $.Values $value -}}
{{- if has $label (list "app.kubernetes.io/name" "app.kubernetes.io/instance") }}
{{ printf "%s sets %s, which selects this release's pods: the Service would lose them. Use nameOverride, or a label of another name." $value $label }}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "service.guard.managedVariables" -}}
{{- $managed := list "SERVICE_ROLE" "STOCK_URL" "NODE_OPTIONS" "ADMIN_PORT" "LOG_FILE_DIR" "LOG_FILE_MAX_BYTES" "LOG_FILES" "SHIP_SECONDS"
  "OTEL_EXPORTER_OTLP_ENDPOINT" "OTEL_EXPORTER_OTLP_HEADERS" -}}
{{- range include "service.env" . | fromYamlArray -}}{{- $managed = append $managed .name -}}{{- end -}}
{{- $named := list -}}
{{- range .Values.extraEnv -}}{{- if has .name $managed -}}{{- $named = append $named .name -}}{{- end -}}{{- end -}}
{{- with $named -}}
{{- printf "extraEnv sets %s, which the chart sets from values of its own: two of one name, and the shutdown budget or a guard would not hold. Set the value instead (README, \"What the program is told\")." (join ", " .) -}}
{{- end -}}
{{- end -}}

{{/* ---- network ---- */}}

{{- define "service.guard.nodePort" -}}
{{- with .Values.service -}}
{{- if and .nodePort (eq .type "ClusterIP") -}}
{{- printf "service.nodePort is %d, but service.type is ClusterIP, which has none: Kubernetes would refuse it. Set service.type=NodePort or leave the port empty." (int64 .nodePort) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "service.guard.ports" -}}
{{- with .Values.ports -}}
{{- if and .admin (eq (int64 .http) (int64 .admin)) -}}
{{- printf "ports.http and ports.admin are both %d: probes, metrics and faults would be open to clients. Give each its own." (int64 .http) -}}
{{- else if not .admin -}}
{{- $users := list -}}
{{- range $name, $probe := $.Values.probes -}}{{- if eq $probe.port "admin" -}}{{- $users = append $users (printf "probes.%s.port" $name) -}}{{- end -}}{{- end -}}
{{- if and (eq $.Values.metrics.port "admin") (or $.Values.metrics.podAnnotations $.Values.metrics.podMonitor.enabled) -}}{{- $users = append $users "metrics.port" -}}{{- end -}}
{{- with $users -}}
{{- printf "ports.admin is empty, but %s still name it: those pods would never be ready. Set %s to http, or give the admin port back." (join ", " .) (ternary "it" "them" (eq (len .) 1)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "service.guard.probePaths" -}}
{{- with .Values.probes -}}
{{- if and (eq .liveness.path .readiness.path) (eq .liveness.port .readiness.port) -}}
{{- printf "probes.liveness and probes.readiness both ask %s: a replica that only wants no traffic for a while (draining, overloaded) would be killed. Give liveness a path that fails only when a restart helps." .liveness.path -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* ---- shutdown, overload, faults ---- */}}

{{- define "service.guard.graceTooShort" -}}
{{- $budget := include "service.budget" . | fromJson -}}
{{- $ship := "" -}}
{{- if eq .Values.logShipping.mode "sidecar" -}}{{- $ship = printf " + ship %v" $budget.ship -}}{{- end -}}
{{- with .Values.shutdown -}}
{{- if and (not (kindIs "invalid" .graceSeconds)) (lt (float64 .graceSeconds) (float64 $budget.needs)) -}}
{{- printf "shutdown.graceSeconds is %v, but preStop %v + announce %v + drain %v + close %v + flush %v%s + sidecar %v + margin %v need %v: Kubernetes would kill requests in flight. Set it to %v or leave it empty." .graceSeconds $budget.preStop .announceSeconds .drainSeconds .closeSeconds .flushSeconds $ship .sidecarSeconds .marginSeconds $budget.needs $budget.needs -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "service.guard.drainTooShort" -}}
{{- if lt (float64 .Values.shutdown.drainSeconds) (float64 .Values.longestRequestSeconds) -}}
{{- printf "shutdown.drainSeconds is %v, but a request may take longestRequestSeconds = %v: the slowest requests would be cut off in every rollout. Set shutdown.drainSeconds to at least %v, or allow only shorter requests." .Values.shutdown.drainSeconds .Values.longestRequestSeconds .Values.longestRequestSeconds -}}
{{- end -}}
{{- end -}}

{{- define "service.guard.lossOptIn" -}}
{{- if not (or .Values.shutdown.enabled .Values.shutdown.acceptLoss) -}}
shutdown.enabled is false: every rollout, node drain and scale-in would lose requests. Only a test's control wants that: set shutdown.acceptLoss=true as well there, else shutdown.enabled=true.
{{- end -}}
{{- end -}}

{{/* The service refuses to start with this; 500 ms is its own value. Another image (no role) does not read either. */}}
{{- define "service.guard.attemptTooLong" -}}
{{- if and .Values.upstream.url .Values.role -}}
{{- $attemptMs := 500 -}}
{{- range .Values.extraEnv -}}{{- if eq .name "STOCK_ATTEMPT_TIMEOUT_MS" -}}{{- $attemptMs = .value | default "500" | float64 -}}{{- end -}}{{- end -}}
{{- $longestMs := mulf .Values.longestRequestSeconds 1000 -}}
{{- if ge (float64 $attemptMs) (float64 $longestMs) -}}
{{- printf "longestRequestSeconds is %v, but one attempt to reach upstream.url may take %v ms: it would use up the request, no fallback would be answered, and the service refuses to start. Set longestRequestSeconds above %v, or STOCK_ATTEMPT_TIMEOUT_MS in extraEnv below %v." .Values.longestRequestSeconds $attemptMs (divf $attemptMs 1000) $longestMs -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "service.guard.sheddingGap" -}}
{{- with .Values.shedding -}}
{{- if ge (float64 .below) (float64 .above) -}}
{{- printf "shedding.below is %v and shedding.above is %v: without a gap between them shedding would switch on and off all the time. Set shedding.below lower." .below .above -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "service.guard.faultsOptIn" -}}
{{- if and .Values.faults.enabled (not .Values.faults.acceptRisk) -}}
faults.enabled is true: whoever reaches the admin port could then crash, block or slow every replica. On a cluster where that is wanted set faults.acceptRisk=true as well, else faults.enabled=false.
{{- end -}}
{{- if not .Values.faults.enabled -}}
{{- range .Values.extraEnv -}}
{{- if and (eq .name "FAULT_SLOW_START_SECONDS") (gt (.value | default "0" | float64) 0.0) }}
{{ printf "extraEnv sets FAULT_SLOW_START_SECONDS to %s, but faults.enabled is false: the service refuses to start with a fault that is not allowed. Take the variable out, or set faults.enabled=true and faults.acceptRisk=true." .value }}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "service.guard.heapTooLarge" -}}
{{- $limit := include "service.memoryLimitMebibytes" . -}}
{{- $heap := .Values.heap.oldSpaceMebibytes -}}
{{- if and $limit $heap -}}
{{- if gt (float64 $heap) (mulf ($limit | float64) 0.8) -}}
{{- printf "heap.oldSpaceMebibytes is %v, more than 0.8 of resources.limits.memory (%s MiB): V8 needs room beside that heap, and the kernel would kill the process before it collects. Set it to at most %d, raise the limit, or leave it empty." $heap $limit (mulf ($limit | float64) 0.8 | floor | int64) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "service.guard.heapOptions" -}}
{{- range .Values.nodeOptions -}}
{{- if regexMatch "^--max[-_](old|heap|semi)[-_]" . }}
{{ printf "nodeOptions has %s, which no guard measures against resources.limits.memory: beyond it the kernel would kill the process. Set %s instead." . (ternary "heap.semiSpaceMebibytes" "heap.oldSpaceMebibytes or heap.oldSpaceRatio" (regexMatch "^--max[-_]semi" .)) }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* ---- rollout and placement ---- */}}

{{- define "service.guard.rolloutStuck" -}}
{{- with .Values.rollout -}}
{{- if and (has (toString .maxSurge) (list "0" "0%")) (has (toString .maxUnavailable) (list "0" "0%")) -}}
rollout.maxSurge and rollout.maxUnavailable are both 0: a rollout could neither add a pod nor take one away, and Kubernetes would refuse the Deployment. Set rollout.maxSurge=1.
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "service.guard.deadlineTooShort" -}}
{{- $startup := mulf .Values.probes.startup.periodSeconds .Values.probes.startup.failureThreshold -}}
{{- $first := "" -}}
{{- if eq .Values.logShipping.mode "sidecar" -}}
{{- $startup = addf $startup (include "service.logShipperStartSeconds" . | float64) -}}
{{- $first = ", after 60 s for the log shipper" -}}
{{- end -}}
{{- $needs := addf $startup .Values.rollout.minReadySeconds -}}
{{- if le (float64 .Values.rollout.progressDeadlineSeconds) (float64 $needs) -}}
{{- printf "rollout.progressDeadlineSeconds is %v, but a pod may take %v s to start (probes.startup%s) and %v s to count as available (rollout.minReadySeconds): a slow but healthy rollout would be called failed. Set it above %v." .Values.rollout.progressDeadlineSeconds $startup $first .Values.rollout.minReadySeconds $needs -}}
{{- end -}}
{{- end -}}

{{- define "service.guard.hardAntiAffinity" -}}
{{- if eq (include "service.strength" .Values.antiAffinity.host) "hard" -}}
{{- $known := include "service.replicasKnown" . -}}
{{- $replicas := ternary (include "service.mostReplicas" . | int64) 1 (not (empty $known)) -}}
{{- $surge := include "service.share" (list .Values.rollout.maxSurge $replicas) | int64 -}}
{{- $needs := add $replicas $surge | int64 -}}
{{- $nodes := .Values.spread.nodes -}}
{{- if and (not $nodes) (gt $surge 0) -}}
{{- printf "antiAffinity.host is hard, rollout.maxSurge is %v and spread.nodes is not set: where there are only as many nodes as replicas, a rollout waits for ever for a node without one. Set spread.nodes to your number of nodes (at least %s), or rollout.maxSurge=0 with rollout.maxUnavailable=1, or use spread.host=hard, which counts each revision for itself." .Values.rollout.maxSurge (ternary (toString $needs) "one more than replicas" (not (empty $known))) -}}
{{- else if and $known $nodes (lt (int64 $nodes) $needs) -}}
{{- printf "antiAffinity.host is hard, but up to %d replicas and %d more during a rollout need %d nodes and spread.nodes says %d: the last pods would wait for ever. Use antiAffinity.host=soft, fewer replicas, or spread.host=hard, which counts each revision for itself." $replicas $surge $needs (int64 $nodes) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "service.guard.upstreamRelease" -}}
{{- with .Values.upstreamAffinity -}}
{{- if and (ne (include "service.strength" .mode) "off") (not .release) -}}
{{- printf "upstreamAffinity.mode is %s, but upstreamAffinity.release does not say near whom: no pod would match. Set it to the upstream's release name." .mode -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "service.guard.pdbBlocks" -}}
{{- if and .Values.pdb.enabled (has (toString .Values.pdb.maxUnavailable) (list "0" "0%")) -}}
{{- printf "pdb.maxUnavailable is %v: no replica could ever be evicted, and every node drain (upgrade, scale-down, repair) would hang. Set it to 1, or pdb.enabled=false." .Values.pdb.maxUnavailable -}}
{{- end -}}
{{- end -}}

{{- define "service.guard.pdbTakesAll" -}}
{{- $replicas := include "service.leastReplicas" . | int64 -}}
{{- if and .Values.pdb.enabled (include "service.replicasKnown" .) (gt $replicas 1) (ge (include "service.share" (list .Values.pdb.maxUnavailable $replicas) | int64) $replicas) -}}
{{- printf "pdb.maxUnavailable is %v, but there may be only %d replicas: nodes drained at the same time would take all of them. Set it to 1." .Values.pdb.maxUnavailable $replicas -}}
{{- end -}}
{{- end -}}

{{/* ---- scaling ---- */}}

{{- define "service.guard.minAboveMax" -}}
{{- with .Values.autoscaling -}}
{{- if and (has .mode (list "hpa" "keda")) (gt (int64 .minReplicas) (int64 .maxReplicas)) -}}
{{- printf "autoscaling.minReplicas is %d and autoscaling.maxReplicas is %d: no number of replicas satisfies both. Raise maxReplicas or lower minReplicas." (int64 .minReplicas) (int64 .maxReplicas) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "service.guard.kedaMinimum" -}}
{{- with .Values.autoscaling -}}
{{- if and (eq .mode "keda") (lt (int64 .minReplicas) 2) -}}
{{- printf "autoscaling.minReplicas is %d in mode keda: one replica's crash would be an outage, and at 0 the load is measured by replicas that are not there. Set it to at least 2." (int64 .minReplicas) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "service.guard.twoScalers" -}}
{{- with .Values.autoscaling -}}
{{- if and (eq .mode "keda") (or .hpa.podsMetric .hpa.metrics) -}}
autoscaling.mode is keda, but autoscaling.hpa names metrics too: KEDA makes the HPA, and a second one on the same Deployment would undo each of its decisions. Move them to autoscaling.keda.triggers, or set autoscaling.mode=hpa.
{{- else if and (eq .mode "hpa") .keda.triggers -}}
autoscaling.mode is hpa, but autoscaling.keda.triggers is not empty: KEDA would make a second HPA on the same Deployment, and the two would undo each other's decisions. Move them to autoscaling.hpa.metrics, or set autoscaling.mode=keda.
{{- else if and (eq .mode "external") (or .keda.triggers .hpa.podsMetric .hpa.metrics) -}}
autoscaling.mode is external, but autoscaling.hpa or autoscaling.keda names metrics for a scaler of this chart: with the one you run yourself there would be two on the same Deployment. Take them out, or set autoscaling.mode to hpa or keda.
{{- else if and (eq .mode "none") (or .keda.triggers .hpa.podsMetric .hpa.metrics) -}}
autoscaling.mode is none, but autoscaling.hpa or autoscaling.keda names metrics: nothing would read them, and the number of replicas would stay as it is. Set autoscaling.mode to hpa or keda, or take them out.
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "service.guard.noMetric" -}}
{{- with .Values.autoscaling -}}
{{- if and (eq .mode "hpa") (not .cpu.targetUtilization) (not .hpa.podsMetric) (not .hpa.metrics) -}}
autoscaling.mode is hpa, but there is nothing to scale on: set autoscaling.cpu.targetUtilization, autoscaling.hpa.podsMetric or autoscaling.hpa.metrics.
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
Utilisation is a share of the requests: of all containers together, where one without any makes the scaler read nothing at
all, or of one container that is named.
*/}}
{{- define "service.guard.requestsMissing" -}}
{{- $ofAll := list -}}
{{- $ofOne := list -}}
{{- with .Values.autoscaling -}}
{{- if and (has .mode (list "hpa" "keda")) .cpu.targetUtilization -}}{{- $ofAll = append $ofAll "cpu" -}}{{- end -}}
{{- if eq .mode "hpa" -}}
{{- range .hpa.metrics -}}
{{- if and (eq .type "Resource") (dig "resource" "target" "averageUtilization" false .) -}}{{- $ofAll = append $ofAll .resource.name -}}{{- end -}}
{{- if eq .type "ContainerResource" -}}
{{- with .containerResource -}}{{- $ofOne = append $ofOne (dict "container" .container "resource" .name "share" (hasKey .target "averageUtilization")) -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- else if eq .mode "keda" -}}
{{- range .keda.triggers -}}
{{- if has .type (list "cpu" "memory") -}}
{{- $share := eq (.metricType | default "Utilization") "Utilization" -}}
{{- $container := dig "metadata" "containerName" "" . -}}
{{- if $container -}}{{- $ofOne = append $ofOne (dict "container" $container "resource" .type "share" $share) -}}
{{- else if $share -}}{{- $ofAll = append $ofAll .type -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $containers := list (dict "name" "service" "resources" .Values.resources) -}}
{{- if eq .Values.logShipping.mode "sidecar" -}}{{- $containers = append $containers (dict "name" "log-shipper" "resources" .Values.logShipping.sidecar.resources) -}}{{- end -}}
{{- range .Values.initContainers -}}{{- if eq (.restartPolicy | default "") "Always" -}}{{- $containers = append $containers . -}}{{- end -}}{{- end -}}
{{- $containers = concat $containers .Values.extraContainers -}}
{{- $missing := list -}}
{{- $names := list -}}
{{- range $container := $containers -}}
{{- $names = append $names $container.name -}}
{{- range uniq $ofAll -}}{{- $missing = append $missing (list $container . (ternary " (autoscaling.cpu.targetUtilization=null)" "" (eq . "cpu"))) -}}{{- end -}}
{{- end -}}
{{- range $one := uniq $ofOne -}}
{{- $found := false -}}
{{- range $containers -}}
{{- if eq .name $one.container -}}
{{- $found = true -}}
{{- if and $one.share (not (has $one.resource $ofAll)) -}}{{- $missing = append $missing (list . $one.resource "") -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- if not $found }}
{{ printf "a metric of the scaler measures the %s of container %q, which the pod does not have: it would read <unknown> and never scale. There are %s." $one.resource $one.container (join ", " $names) }}
{{- end -}}
{{- end -}}
{{- range $missing -}}
{{- $container := index . 0 -}}
{{- $resource := index . 1 -}}
{{- /* A limit alone will do: Kubernetes takes it for the request. */ -}}
{{- if not (or (dig "resources" "requests" $resource "" $container) (dig "resources" "limits" $resource "" $container)) }}
{{ printf "container %q requests no %s, but the scaler's target is a share of the requests: it would read <unknown> and never scale. Set %sresources.requests.%s, or take the target away%s." $container.name $resource (get (dict "service" "" "log-shipper" "logShipping.sidecar.") $container.name | default (ternary "" "its " (eq $container.name "service"))) $resource (index . 2) }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "service.guard.windowTooShort" -}}
{{- with .Values.autoscaling -}}
{{- if and (eq .mode "keda") (not .keda.prometheus.query) $.Values.metrics.podMonitor.enabled -}}
{{- $interval := $.Values.metrics.podMonitor.interval -}}
{{- $seconds := include "service.scrapeSeconds" $ | int64 -}}
{{- if lt (int64 .requestsPerSecond.windowSeconds) (mul 4 $seconds | int64) -}}
{{- printf "autoscaling.requestsPerSecond.windowSeconds is %d, but metrics.podMonitor.interval is %s: with fewer than 4 scrapes in the window one lost scrape looks like no load, and the scaler scales in. Set it to at least %d." (int64 .requestsPerSecond.windowSeconds) $interval (mul 4 $seconds | int64) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "service.scrapeSeconds" -}}
{{- $interval := .Values.metrics.podMonitor.interval -}}
{{- mul (regexFind "^[0-9]+" $interval | int64) (ternary 60 1 (hasSuffix "m" $interval)) -}}
{{- end -}}

{{/*
Where a scaler takes over from `replicas`, this release lets go of the field, and Kubernetes sets what nobody owns to 1.
Only a live upgrade can see that (lookup finds nothing in `helm template`), and only Helm 4 can be helped: Helm 3 deletes
the field whoever else owns it. So does Helm 4 on a release that Helm 3 made, until it is told to apply on the server.
*/}}
{{- define "service.guard.replicasKept" -}}
{{- if and .Release.IsUpgrade (ne .Values.autoscaling.mode "none") (semverCompare ">=4.0.0-0" .Capabilities.HelmVersion.Version) -}}
{{- $name := include "service.fullname" . -}}
{{- $live := lookup "apps/v1" "Deployment" .Release.Namespace $name -}}
{{- $owners := list -}}
{{- $fromHelm3 := false -}}
{{- range dig "metadata" "managedFields" list $live -}}
{{- if hasKey (dig "fieldsV1" "f:spec" dict .) "f:replicas" -}}
{{- $owners = append $owners .manager -}}
{{- if eq .operation "Update" -}}{{- $fromHelm3 = true -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- $replicas := dig "spec" "replicas" 0 $live | int64 -}}
{{- if and (eq (join "," $owners) "helm") (gt $replicas 1) -}}
{{- $then := ternary " and upgrade with --server-side=true then (it is applied client-side so far, as by Helm 3, which deletes the field whoever owns it)" "" $fromHelm3 -}}
{{- $field := printf `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":%q},"spec":{"replicas":%d}}` $name $replicas -}}
{{- printf "autoscaling.mode is %s, but so far this release set replicas=%d itself: Kubernetes would go down to 1 until the scaler has looked. Hand the number over first%s: echo '%s' | kubectl -n %s apply --server-side --field-manager=scaler -f -" .Values.autoscaling.mode $replicas $then $field .Release.Namespace -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* ---- logs and alerts ---- */}}

{{- define "service.guard.shipperDestination" -}}
{{- if and (eq .Values.logShipping.mode "sidecar") (not .Values.logShipping.sidecar.endpoint) -}}
logShipping.mode is sidecar, but logShipping.sidecar.endpoint does not say where to: every line would wait on the pod's volume and die with it, and the node's agent would drop its copy. Set it to the full address that takes OTLP/HTTP logs (http://victoria-logs.monitoring:9428/insert/opentelemetry/v1/logs on a cluster of `npm run up`), or logShipping.mode=node.
{{- end -}}
{{- end -}}

{{- define "service.guard.shipTooShort" -}}
{{- if eq .Values.logShipping.mode "sidecar" -}}
{{- with .Values.logShipping.sidecar -}}
{{- $needs := divf (mulf 2 .pollIntervalMilliseconds) 1000 -}}
{{- if lt (float64 .shipSeconds) $needs -}}
{{- printf "logShipping.sidecar.shipSeconds is %v, less than two looks at the files, one each %v ms: the collector does not read to the end when it stops, so a pod's last lines would be lost in every rollout. Set it to at least %v, and better to what your destination takes to answer besides." .shipSeconds .pollIntervalMilliseconds $needs -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "service.guard.shipperVolume" -}}
{{- if eq .Values.logShipping.mode "sidecar" -}}
{{- with .Values.logShipping.sidecar -}}
{{- $needs := include "service.logVolumeNeeds" $ | int64 -}}
{{- if lt (include "service.mebibytes" .volumeSizeLimit | int64) $needs -}}
{{- printf "logShipping.sidecar.volumeSizeLimit is %v, but %d files of %d bytes (and one that is being deleted), twice the queue of %d bytes and 16 MiB may come to %d MiB: with the destination away for long, Kubernetes would evict every replica for its logs. Set it to at least %dMi, or keep less." .volumeSizeLimit (int64 .files) (int64 .maxFileBytes) (int64 .queueBytes) $needs $needs -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Containers of one pod share its ports, and a pod's volumes their names. */}}
{{- define "service.guard.shipperNames" -}}
{{- if eq .Values.logShipping.mode "sidecar" -}}
{{- $port := include "service.logShipperPort" . | int64 -}}
{{- range $name, $value := .Values.ports -}}
{{- if eq (int64 ($value | default 0)) $port }}
{{ printf "ports.%s is %d, where the log shipper says that it is up: one of the two could not start. Give the service another port." $name $port }}
{{- end -}}
{{- end -}}
{{- range .Values.volumes -}}
{{- if has .name (list "log-shipping" "log-shipper-config") }}
{{ printf "volumes names %s, as the chart's own volume of mode sidecar is called: Kubernetes would refuse the pod. Give yours another name." .name }}
{{- end -}}
{{- end -}}
{{- range .Values.volumeMounts -}}
{{- if eq (trimSuffix "/" .mountPath) (include "service.logDirectory" $) }}
{{ printf "volumeMounts mounts %s at %s, where the service writes its lines in mode sidecar: Kubernetes would refuse the pod. Mount it elsewhere." .name .mountPath }}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "service.guard.alertWindow" -}}
{{- with .Values.prometheusRule -}}
{{- if and .enabled .errorRatio.enabled $.Values.metrics.podMonitor.enabled -}}
{{- $needs := mul 4 (include "service.scrapeSeconds" $ | int64) | int64 -}}
{{- if lt (int64 .errorRatio.windowSeconds) $needs -}}
{{- printf "prometheusRule.errorRatio.windowSeconds is %d, but metrics.podMonitor.interval is %s: with fewer than 4 scrapes in the window a lost scrape or two leave nothing to compute, and the alert falls silent in the middle of an outage. Set it to at least %d." (int64 .errorRatio.windowSeconds) $.Values.metrics.podMonitor.interval $needs -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
