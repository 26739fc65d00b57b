#!/bin/sh
# Makes the API's app registration in Entra ID, once an environment, and leaves its client id in API_CLIENT_ID.
# It takes `az login` to the tenant, and the right to register applications. Where that is somebody else's to
# do, have it done by hooks/registration.json and set the id: azd env set API_CLIENT_ID <client id>.
set -eu
[ -z "${API_CLIENT_ID:-}" ] || exit 0

graph=https://graph.microsoft.com/v1.0/applications
name="conversation-service-${AZURE_ENV_NAME:?azd sets it}"
client_id=$(az ad app list --display-name "$name" --query '[0].appId' --output tsv)
if [ -z "$client_id" ]; then
    client_id=$(az ad app create --display-name "$name" --sign-in-audience AzureADMyOrg --query appId --output tsv)
fi
az rest --method PATCH --url "$graph(appId='$client_id')" --body @infra/hooks/registration.json
az ad app update --id "$client_id" --identifier-uris "api://$client_id"
az ad sp show --id "$client_id" >/dev/null 2>&1 || az ad sp create --id "$client_id" >/dev/null
azd env set API_CLIENT_ID "$client_id"
echo "preprovision: the app registration is $name, $client_id"
