// One person's environment, cheap and open to its developer: az deployment sub create -l swedencentral -p infra/examples/dev.bicepparam
using '../main.bicep'

param environmentName = 'conversations-dev'
param location = 'swedencentral'
param apiClientId = readEnvironmentVariable('API_CLIENT_ID')
param publisherEmail = readEnvironmentVariable('PUBLISHER_EMAIL')
param developerPrincipalId = readEnvironmentVariable('DEVELOPER_PRINCIPAL_ID', '')
param corsOrigins = [
  'http://localhost:3000'
]
param gatewaySamplingPercentage = 100
param logDailyQuotaGb = 1
param appSettings = {
  LOGLEVEL: 'DEBUG'
}
