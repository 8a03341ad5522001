#!/usr/bin/env bash
# Looks, step by step, whether a cluster can do what kubeflow/README.md describes, from kubectl to an answer of the served model.
# Each step says what it looks at; the first that fails says where to look. It submits one run and changes nothing else.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: kubeflow/smoke_test.sh [--namespace NAME] [--launch NAME] [--serving tf-serving|own-server|kserve|none]
                              [--file FILE] [--host URL] [--request JSON] [--minutes N] [--no-run] [--dry-run]

  --namespace  where the pipelines run and the models are served (default: kubeflow)
  --launch     which launch (default: shop)
  --serving    which overlay of kubeflow/overlays serves it (default: tf-serving)
  --file       the compiled pipeline (default: runs/LAUNCH/LAUNCH.yaml)
  --host       where Kubeflow Pipelines answers (default: $DAYONE_KFP_HOST, else http://localhost:8080)
  --request    what the model is asked (default: a new user of the shop)
  --minutes    how long the run may take (default: 120)
  --no-run     submit nothing: look at the cluster and at what is served
  --dry-run    print what would be done, and do nothing; needs no cluster

Exit status: 0 all is well, 1 a step failed, 2 usage.
TEXT
}

namespace=kubeflow launch=shop serving=tf-serving file='' host=${DAYONE_KFP_HOST:-http://localhost:8080} minutes=120 submit=1 dry=0
request='{"instances": [{"user_id": "smoke-test", "history": [""], "exclude_ids": [""], "device": "mobile", "country": "NL"}]}'
port=$((20000 + RANDOM % 20000))

wrong() {
  echo "error: $1 (--help shows the usage)" >&2
  exit 2
}

while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) usage && exit 0 ;;
    --no-run) submit=0 && shift && continue ;;
    --dry-run) dry=1 && shift && continue ;;
    --namespace | --launch | --serving | --file | --host | --request | --minutes) [ $# -gt 1 ] || wrong "$1 needs a value" ;;
    *) wrong "unknown option $1" ;;
  esac
  printf -v "${1#--}" %s "$2"
  shift 2
done
# KServe allows no underscore in a name.
service=${launch//_/-} model=$launch
[ "$serving" = kserve ] && model=$service
file=${file:-runs/$launch/$launch.yaml}
case $serving in tf-serving | own-server | kserve | none) ;; *) wrong "--serving needs tf-serving, own-server, kserve or none, got $serving" ;; esac

number=0
retry_hint="It overrules the retries of kubeflow/resources.yaml. Remove templateDefaults from workflowDefaults: kubectl --namespace $namespace edit configmap workflow-controller-configmap."

# step WHAT HINT COMMAND...: runs the command and shows the beginning of its answer.
step() {
  local what=$1 hint=$2 answer
  shift 2
  number=$((number + 1))
  if [ "$dry" = 1 ]; then
    printf '%2d. %s\n      %s\n' "$number" "$what" "$(shown "$@")"
  elif answer=$("$@" 2>&1); then
    answer=${answer//$'\n'/; }
    printf '%2d. %s: ok%s\n' "$number" "$what" "${answer:+ (${answer:0:160})}"
  else
    printf '%2d. %s: FAILED\n%s\n    %s\n' "$number" "$what" "$answer" "$hint" >&2
    exit 1
  fi
}

# The commands of a step as one could type them.
shown() {
  case $1 in
    filled) shift && shown "$@" ;;
    in_namespace) shift && echo "kubectl --namespace $namespace $*" ;;
    job) echo "kubectl --namespace $namespace create job smoke-$2 --from=cronjob/dayone-$2, wait for it, and its log" ;;
    store) echo "kubectl --namespace $namespace get configmap kfp-launcher, and the Service that its providers name" ;;
    retries) echo "kubectl --namespace $namespace get configmap workflow-controller-configmap, and its workflowDefaults" ;;
    ask) echo "kubectl --namespace $namespace port-forward to $serving, and '$request' to .../v1/models/$model:predict" ;;
    *) echo "$*" ;;
  esac
}

in_namespace() { kubectl --namespace "$namespace" "$@"; }

# filled COMMAND...: fails if the command prints nothing.
filled() {
  local answer
  answer=$("$@") && [ -n "$answer" ] && echo "$answer"
}

# store: where artifacts go. Without a ConfigMap, or with an empty one, the backend has a default of its own. An endpoint NAME.NAMESPACE[.svc...]:PORT
# must be a Service that exists.
store() {
  local text host name space
  text=$(in_namespace get configmap kfp-launcher --ignore-not-found --output 'jsonpath={.data.defaultPipelineRoot} {.data.providers}') || return 1
  [[ $text =~ endpoint:[[:space:]]*[\"\']?(https?://)?([a-z0-9.-]+) ]] || { text=${text%%[[:space:]]*} && echo "the backend's own${text:+ $text}" && return 0; }
  host=${BASH_REMATCH[2]} name=${BASH_REMATCH[2]%%.*} space=${BASH_REMATCH[2]#*.}
  case $host in
    *.amazonaws.com | *.googleapis.com | *.*.*.*) ;;
    *.*) kubectl --namespace "${space%%.*}" get service "$name" --output name >/dev/null || return 1 ;;
  esac
  echo "$host"
}

# retries: 2.17's default retryStrategy of all templates overrules the policy of a task.
retries() {
  local text
  text=$(in_namespace get configmap workflow-controller-configmap --ignore-not-found --output 'jsonpath={.data.workflowDefaults}') || return 1
  ! [[ $text == *templateDefaults*retryStrategy* ]] || { echo "workflowDefaults has templateDefaults.retryStrategy" && return 1; }
}

# job NAME: runs a CronJob of kubeflow/base once, and prints its log.
job() {
  local name="smoke-$1-$$"
  in_namespace create job "$name" --from="cronjob/dayone-$1" >/dev/null &&
    in_namespace wait --for=condition=complete --timeout=300s "job/$name" >/dev/null &&
    in_namespace logs "job/$name"
}

# post URL: sends the request, prints the answer; fails if that is an error.
post() {
  python - "$1" "$request" <<'PY'
import sys, urllib.error, urllib.request
try:
    answer, status = urllib.request.urlopen(urllib.request.Request(sys.argv[1], sys.argv[2].encode()), timeout=30), 0
except urllib.error.HTTPError as error:
    answer, status = error, f"HTTP status {error.code}"
print(answer.read().decode(errors="replace"))
sys.exit(status)
PY
}

# ask: one request to the served model, through a forwarded port.
ask() {
  local answer status=0 forward target="service/$serving" to=8501
  if [ "$serving" = kserve ]; then
    target=$(filled in_namespace get pod --selector "serving.kserve.io/inferenceservice=$service" --output name) || return 1
    target=${target%%$'\n'*} to=8080
  fi
  # Not through the function: what is killed below is kubectl itself.
  kubectl --namespace "$namespace" port-forward "$target" "$port:$to" >/dev/null 2>&1 &
  forward=$!
  # Up to 30 seconds, as long as kubectl lives.
  for _ in {1..150}; do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
    kill -0 "$forward" 2>/dev/null || break
    sleep 0.2
  done
  answer=$(post "http://127.0.0.1:$port/v1/models/$model:predict" 2>&1) || status=1
  kill "$forward" 2>/dev/null || true
  wait "$forward" 2>/dev/null || true
  echo "$answer"
  [ "$status" = 0 ] && grep -q item_ids <<<"$answer"
}

step "kubectl has a context" "Choose one: kubectl config use-context NAME." kubectl config current-context
step "the cluster answers" "Look at the address and the login of that context." kubectl version
step "the namespace $namespace is there" "Is Kubeflow Pipelines installed? Give its namespace with --namespace." kubectl get namespace "$namespace" --output name
step "Kubeflow Pipelines is healthy" "kubectl --namespace $namespace get pods: is ml-pipeline running? In a profile's namespace ask with --namespace kubeflow --no-run first." \
  kubectl get --raw "/api/v1/namespaces/$namespace/services/ml-pipeline:8888/proxy/apis/v2beta1/healthz"
step "the artifact store is there" "Remove providers from the ConfigMap kfp-launcher: minio-service is gone since Kubeflow Pipelines 2.16. Only new runs see a change." \
  store
step "steps are retried as the table says" "$retry_hint" retries
step "the volume is bound" "kubectl --namespace $namespace describe pvc dayone: is there a storage class that many pods can write?" \
  in_namespace wait "--for=jsonpath={.status.phase}=Bound" --timeout=60s pvc/dayone
if [ "$submit" = 1 ]; then
  step "the compiled file is one that the backend takes" "Compile it again: python -m pipeline compile." python -m pipeline compile --check "$file"
  step "a run succeeds" "python -m pipeline status RUN, then the log of the step that failed." \
    python -m pipeline submit --launch "$launch" --file "$file" --host "$host" --wait --limit "$minutes"
fi
step "a version is on the volume" "Did the run push? Its step verdict says why not." job versions
if [ "$serving" != none ]; then
  if [ "$serving" = kserve ]; then
    step "the InferenceService is ready" "kubectl describe inferenceservice $service; before the first python -m pipeline rollout there is no model." \
      in_namespace wait --for=condition=Ready --timeout=300s "inferenceservice/$service"
  else
    step "the server is ready" "kubectl --namespace $namespace logs deployment/$serving" in_namespace rollout status "deployment/$serving" --timeout=300s
  fi
  step "the served model answers" "Does --request hold every input of the model? docs/serving.md lists them." ask
fi
[ "$dry" = 1 ] || echo "all is well"
