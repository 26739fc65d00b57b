#!/bin/sh
# Makes the API's app registration in Entra ID, once an environment, and leaves its client id in API_CLIENT_ID.
# It takes `az login` to the tenant, and the right to register applications. Where that is somebody else's,
# docs/operations.md has what they run.
set -eu
[ -z "${API_CLIENT_ID:-}" ] || exit 0

graph=https://graph.microsoft.com/v1.0/applications
name="conversation-service-${AZURE_ENV_NAME:?azd sets it}"
# Not --display-name, which also finds names that only begin so: another environment's.
client_id=$(az ad app list --filter "displayName eq '$name'" --query '[0].appId' --output tsv)
if [ -z "$client_id" ]; then
    client_id=$(az ad app create --display-name "$name" --sign-in-audience AzureADMyOrg --query appId --output tsv)
fi
az rest --method PATCH --url "$graph(appId='$client_id')" --body @infra/hooks/registration.json
az ad app update --id "$client_id" --identifier-uris "api://$client_id"
az ad sp show --id "$client_id" >/dev/null 2>&1 || az ad sp create --id "$client_id" >/dev/null
echo "preprovision: the app registration is $name, $client_id"
azd env set API_CLIENT_ID "$client_id"
