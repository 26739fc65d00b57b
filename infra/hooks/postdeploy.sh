#!/bin/sh
# After each deployment: a direct call of the app must be refused, one through API Management must arrive.
set -eu

answer() { # what a URL answers, as its status; 000 where nothing answers
    curl --silent --output /dev/null --max-time 30 --write-out '%{http_code}' "$1" || true
}

direct=$(answer "${FUNCTION_APP_URL:?azd sets it}/v1/health/live")
case "$direct" in
    401 | 403 | 000) echo "postdeploy: a direct call is refused ($direct)" ;;
    *)
        echo "postdeploy: THE APP IS OPEN: a direct call was answered $direct, not 401" >&2
        exit 1
        ;;
esac

# Where callers need a subscription key, which nobody has here, it can only be told that it is asked for.
[ "${SUBSCRIPTION_REQUIRED:-false}" = true ] && wanted=401 || wanted=200
tries=0
until [ "$(answer "${API_URL:?azd sets it}/health/ready")" = "$wanted" ]; do
    tries=$((tries + 1))
    if [ "$tries" -ge 20 ]; then
        echo "postdeploy: $API_URL/health/ready does not answer $wanted; roles can take minutes, then see docs/operations.md" >&2
        exit 1
    fi
    sleep 15
done
case "$wanted" in
    200) echo "postdeploy: $API_URL is up, and its database is reached" ;;
    *) echo "postdeploy: $API_URL is up, and asks for a subscription key" ;;
esac
