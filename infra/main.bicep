metadata description = 'The conversation service: everything it runs on, by identity, without a key.'
targetScope = 'subscription'

@description('Name of the environment; it is in every name and in the tag azd-env-name.')
@minLength(1)
@maxLength(32)
param environmentName string

@description('Region of everything. Azure OpenAI, Flex Consumption and API Management v2 must be there.')
@minLength(1)
@metadata({ azd: { type: 'location' } })
param location string

@description('Client id of the API\'s app registration in Entra ID. ARM cannot make one; hooks/preprovision.sh does.')
@minLength(36)
@maxLength(36)
param apiClientId string

@description('Who runs the API; API Management shows it, and sends its own notices there.')
@minLength(3)
param publisherEmail string

@description('The organisation that runs the API.')
param publisherName string = 'Conversation service'

@description('Tags beside azd-env-name.')
param tags object = {}

@description('Object id of a person who may read and write data from a laptop; empty for nobody (and in CI).')
param developerPrincipalId string = ''

@description('A virtual network with private endpoints, and no public access to app, database, storage and model.')
param privateNetwork bool = false

@description('Tier of API Management. BasicV2 streams; StandardV2 also joins a network, so privateNetwork takes it.')
@allowed([
  'BasicV2'
  'StandardV2'
])
param gatewaySku string = 'BasicV2'

@description('Scale units of API Management.')
@minValue(1)
@maxValue(10)
param gatewayUnits int = 1

@description('Whether callers also need a subscription key of API Management.')
param subscriptionRequired bool = false

@description('Origins of web pages that may call the API. Empty for none.')
param corsOrigins array = []

@description('Calls a minute of one user (of one address, on the routes that take no token).')
@minValue(1)
param rateLimitCalls int = 120

@description('Tokens a minute of one user on the OpenAI route POST responses.')
@minValue(1000)
param rateLimitTokens int = 100000

@description('Sampled share of requests in the telemetry of API Management, in percent. Errors are always kept.')
@minValue(0)
@maxValue(100)
param gatewaySamplingPercentage int = 20

@description('The model that answers: deployment, model, version, sku and capacity (thousands of tokens a minute).')
param chatModel object = {
  deployment: 'chat'
  name: 'gpt-4.1-mini'
  version: '2025-04-14'
  sku: 'GlobalStandard'
  capacity: 100
}

@description('The model that writes titles and summaries.')
param titleModel object = {
  deployment: 'titles'
  name: 'gpt-4.1-nano'
  version: '2025-04-14'
  sku: 'GlobalStandard'
  capacity: 50
}

@description('How Cosmos DB is paid for: by request (serverless), or by a capacity that scales itself (autoscale).')
@allowed([
  'serverless'
  'autoscale'
])
param cosmosCapacity string = 'serverless'

@description('With autoscale: the most request units a second of each container.')
@minValue(1000)
param cosmosMaxThroughput int = 1000

@description('How far back Cosmos DB can be restored to any second.')
@allowed([
  'Continuous7Days'
  'Continuous30Days'
])
param cosmosBackup string = 'Continuous7Days'

@description('Name of the Cosmos DB account; empty for one by convention. Set after a restore to another account.')
param cosmosAccountName string = ''

@description('Spread over availability zones what can be: plan, database, storage. The region must have them.')
param zoneRedundant bool = false

@description('Memory of an instance of the app, in MB.')
@allowed([
  512
  2048
  4096
])
param instanceMemoryMB int = 2048

@description('Requests that an instance takes at once. They mostly wait for the model; the platform\'s default for Python is 1.')
@minValue(1)
@maxValue(1000)
param concurrentRequests int = 32

@description('The most instances of the app.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int = 100

@description('Instances for HTTP that always run; 0 lets the first request after a pause wait for a start.')
@minValue(0)
param alwaysReadyInstances int = 0

@description('Days that logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

@description('Gigabytes of logs a day, after which no more are taken until the next.')
@minValue(1)
param logDailyQuotaGb int = 5

@description('Where alerts are sent; empty for nobody, and then there are none.')
param alertEmail string = ''

@description('Monthly budget in the currency of the subscription, with notices at 80 and 100 percent; 0 for none.')
@minValue(0)
param budgetAmount int = 0

@description('First day of the month in which the budget is made; Azure takes no older one, and does not let it change.')
param budgetStartDate string = '2026-12-01'

@description('Settings of the app in place of those of app-settings.json, by their names.')
param appSettings object = {}

var token = toLower(uniqueString(subscription().id, environmentName, location))
var allTags = union(tags, { 'azd-env-name': environmentName })
var publicAccess = privateNetwork ? 'Disabled' : 'Enabled'
var hasAlerts = alertEmail != ''

resource group 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: allTags
}

module appIdentity 'modules/identity.bicep' = {
  name: 'app-identity'
  scope: group
  params: {
    name: 'id-app-${token}'
    location: location
    tags: allTags
  }
}

module gatewayIdentity 'modules/identity.bicep' = {
  name: 'gateway-identity'
  scope: group
  params: {
    name: 'id-gateway-${token}'
    location: location
    tags: allTags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    workspaceName: 'log-${token}'
    applicationInsightsName: 'appi-${token}'
    location: location
    tags: allTags
    retentionDays: logRetentionDays
    dailyQuotaGb: logDailyQuotaGb
  }
}

module network 'modules/network.bicep' = if (privateNetwork) {
  name: 'network'
  scope: group
  params: {
    name: 'vnet-${token}'
    location: location
    tags: allTags
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    name: 'st${token}'
    location: location
    tags: allTags
    skuName: zoneRedundant ? 'Standard_ZRS' : 'Standard_LRS'
    publicNetworkAccess: publicAccess
  }
}

module cosmos 'modules/cosmos.bicep' = {
  name: 'cosmos'
  scope: group
  params: {
    name: cosmosAccountName == '' ? 'cosmos-${token}' : cosmosAccountName
    location: location
    tags: allTags
    capacity: cosmosCapacity
    maxThroughput: cosmosMaxThroughput
    backupTier: cosmosBackup
    zoneRedundant: zoneRedundant
    publicNetworkAccess: publicAccess
    workspaceId: monitoring.outputs.workspaceId
  }
}

module openai 'modules/openai.bicep' = {
  name: 'openai'
  scope: group
  params: {
    name: 'oai-${token}'
    location: location
    tags: allTags
    models: [
      chatModel
      titleModel
    ]
    publicNetworkAccess: publicAccess
    workspaceId: monitoring.outputs.workspaceId
  }
}

module rbac 'modules/rbac.bicep' = {
  name: 'rbac'
  scope: group
  params: {
    appPrincipalId: appIdentity.outputs.principalId
    gatewayPrincipalId: gatewayIdentity.outputs.principalId
    developerPrincipalId: developerPrincipalId
    storageName: storage.outputs.name
    cosmosName: cosmos.outputs.name
    openaiName: openai.outputs.name
    applicationInsightsName: monitoring.outputs.applicationInsightsName
  }
}

module endpoints 'modules/endpoints.bicep' = if (privateNetwork) {
  name: 'endpoints'
  scope: group
  params: {
    location: location
    tags: allTags
    networkId: network!.outputs.id
    subnetId: network!.outputs.endpointsSubnetId
    storageId: storage.outputs.id
    cosmosId: cosmos.outputs.id
    openaiId: openai.outputs.id
    siteId: functions.outputs.id
  }
}

module functions 'modules/functions.bicep' = {
  name: 'functions'
  scope: group
  params: {
    name: 'func-${token}'
    planName: 'plan-${token}'
    location: location
    tags: allTags
    identityId: appIdentity.outputs.id
    identityClientId: appIdentity.outputs.clientId
    gatewayClientId: gatewayIdentity.outputs.clientId
    apiClientId: apiClientId
    storageName: storage.outputs.name
    packageContainerUrl: storage.outputs.packageContainerUrl
    applicationInsightsConnectionString: monitoring.outputs.connectionString
    cosmosEndpoint: cosmos.outputs.endpoint
    cosmosDatabaseName: cosmos.outputs.databaseName
    openaiEndpoint: openai.outputs.endpoint
    chatDeployment: chatModel.deployment
    titleDeployment: titleModel.deployment
    instanceMemoryMB: instanceMemoryMB
    concurrentRequests: concurrentRequests
    maximumInstanceCount: maximumInstanceCount
    alwaysReadyInstances: alwaysReadyInstances
    zoneRedundant: zoneRedundant
    publicNetworkAccess: publicAccess
    subnetId: privateNetwork ? network!.outputs.functionsSubnetId : ''
    appSettings: appSettings
  }
  dependsOn: [
    rbac
  ]
}

module gateway 'modules/apim.bicep' = {
  name: 'gateway'
  scope: group
  params: {
    name: 'apim-${token}'
    location: location
    tags: allTags
    skuName: privateNetwork ? 'StandardV2' : gatewaySku
    units: gatewayUnits
    publisherEmail: publisherEmail
    publisherName: publisherName
    identityId: gatewayIdentity.outputs.id
    identityClientId: gatewayIdentity.outputs.clientId
    subnetId: privateNetwork ? network!.outputs.gatewaySubnetId : ''
    applicationInsightsId: monitoring.outputs.applicationInsightsId
    applicationInsightsConnectionString: monitoring.outputs.connectionString
    workspaceId: monitoring.outputs.workspaceId
  }
  dependsOn: [
    rbac
  ]
}

module api 'modules/apim-api.bicep' = {
  name: 'api'
  scope: group
  params: {
    gatewayName: gateway.outputs.name
    gatewayClientId: gatewayIdentity.outputs.clientId
    loggerId: gateway.outputs.loggerId
    appUrl: functions.outputs.url
    apiClientId: apiClientId
    subscriptionRequired: subscriptionRequired
    corsOrigins: corsOrigins
    rateLimitCalls: rateLimitCalls
    rateLimitTokens: rateLimitTokens
    samplingPercentage: gatewaySamplingPercentage
  }
}

module alerts 'modules/alerts.bicep' = if (hasAlerts) {
  name: 'alerts'
  scope: group
  params: {
    location: location
    tags: allTags
    email: alertEmail
    workspaceId: monitoring.outputs.workspaceId
    cosmosId: cosmos.outputs.id
    openaiId: openai.outputs.id
  }
}

module budget 'modules/budget.bicep' = if (hasAlerts && budgetAmount > 0) {
  name: 'budget'
  scope: group
  params: {
    email: alertEmail
    amount: budgetAmount
    startDate: budgetStartDate
  }
}

output API_URL string = '${gateway.outputs.url}/v1'
output API_CLIENT_ID string = apiClientId
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_LOCATION string = location
output FUNCTION_APP_NAME string = functions.outputs.name
output FUNCTION_APP_URL string = functions.outputs.url
output COSMOS_DB_ENDPOINT string = cosmos.outputs.endpoint
output AZURE_OPENAI_ENDPOINT string = openai.outputs.endpoint
output AZURE_OPENAI_DEPLOYMENT string = chatModel.deployment
output APPLICATION_INSIGHTS_NAME string = monitoring.outputs.applicationInsightsName
