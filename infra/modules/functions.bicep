metadata description = 'The app on Flex Consumption. App Service authentication admits the identity of API Management, and nobody else.'

@description('Name of the app.')
param name string

@description('Name of its plan.')
param planName string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Resource id of the app\'s identity.')
param identityId string

@description('Client id of the app\'s identity.')
param identityClientId string

@description('Client id of the identity of API Management, the only one that may call.')
param gatewayClientId string

@description('Client id of the API\'s app registration.')
param apiClientId string

@description('The storage account of the Functions host.')
param storageName string

@description('The blob container that the package is deployed to.')
param packageContainerUrl string

@description('Connection string of Application Insights. It names the place and opens nothing.')
param applicationInsightsConnectionString string

@description('Endpoint of the Cosmos DB account.')
param cosmosEndpoint string

@description('Name of the database.')
param cosmosDatabaseName string

@description('Endpoint of Azure OpenAI.')
param openaiEndpoint string

@description('Deployment that answers.')
param chatDeployment string

@description('Deployment that writes titles and summaries.')
param titleDeployment string

@description('Memory of an instance, in MB.')
param instanceMemoryMB int

@description('Requests that an instance takes at once.')
param concurrentRequests int

@description('The most instances.')
param maximumInstanceCount int

@description('Instances for HTTP that always run.')
param alwaysReadyInstances int

@description('Whether the plan is spread over availability zones.')
param zoneRedundant bool

@description('Whether it can be reached from outside of private endpoints.')
@allowed([
  'Enabled'
  'Disabled'
])
param publicNetworkAccess string

@description('Subnet that its own calls go out through; empty for none.')
param subnetId string

@description('Settings in place of those of app-settings.json.')
param appSettings object

var tenantId = tenant().tenantId

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

resource site 'Microsoft.Web/sites@2024-11-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'api' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: publicNetworkAccess
    virtualNetworkSubnetId: subnetId == '' ? null : subnetId
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageContainerUrl
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: '3.11'
      }
      scaleAndConcurrency: {
        maximumInstanceCount: maximumInstanceCount
        instanceMemoryMB: instanceMemoryMB
        triggers: {
          http: {
            perInstanceConcurrency: concurrentRequests
          }
        }
        alwaysReady: alwaysReadyInstances == 0 ? [] : [{ name: 'http', instanceCount: alwaysReadyInstances }]
      }
    }
  }
}

resource settings 'Microsoft.Web/sites/config@2024-11-01' = {
  parent: site
  name: 'appsettings'
  properties: union(loadJsonContent('../app-settings.json'), appSettings, {
    AzureWebJobsStorage__accountName: storageName
    AzureWebJobsStorage__credential: 'managedidentity'
    AzureWebJobsStorage__clientId: identityClientId
    APPLICATIONINSIGHTS_CONNECTION_STRING: applicationInsightsConnectionString
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
    APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED: 'true'
    APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED: 'true'
    APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL: 'true'
    AZURE_CLIENT_ID: identityClientId
    PYTHON_ENABLE_INIT_INDEXING: '1'
    AUTH_MODE: 'entra'
    ENTRA_TENANT_ID: tenantId
    ENTRA_AUDIENCE: apiClientId
    ENTRA_AUTHORITY: environment().authentication.loginEndpoint
    COSMOS_DB_ENDPOINT: cosmosEndpoint
    COSMOS_DB_DATABASE_NAME: cosmosDatabaseName
    COSMOS_DB_CONTAINER_NAME: 'conversations'
    COSMOS__accountEndpoint: cosmosEndpoint
    COSMOS__credential: 'managedidentity'
    COSMOS__clientId: identityClientId
    AZURE_OPENAI_ENDPOINT: openaiEndpoint
    AZURE_OPENAI_DEPLOYMENT: chatDeployment
    AZURE_OPENAI_TITLE_DEPLOYMENT: titleDeployment
  })
}

resource authentication 'Microsoft.Web/sites/config@2024-11-01' = {
  parent: site
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: true
    }
    globalValidation: {
      requireAuthentication: true
      unauthenticatedClientAction: 'Return401'
    }
    httpSettings: {
      requireHttps: true
    }
    login: {
      tokenStore: {
        enabled: false
      }
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: apiClientId
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenantId}/v2.0'
        }
        validation: {
          allowedAudiences: [
            apiClientId
            'api://${apiClientId}'
          ]
          defaultAuthorizationPolicy: {
            allowedApplications: [
              gatewayClientId
            ]
          }
        }
      }
    }
  }
}

output id string = site.id
output name string = site.name
output url string = 'https://${site.properties.defaultHostName}'
