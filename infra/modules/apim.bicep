metadata description = 'API Management: the service, and where its telemetry goes.'

@description('Name of the service.')
param name string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Tier. Consumption does not stream; the classic ones have no place here.')
@allowed([
  'BasicV2'
  'StandardV2'
])
param skuName string

@description('Scale units.')
param units int

@description('Who runs the API.')
param publisherEmail string

@description('The organisation that runs the API.')
param publisherName string

@description('Resource id of its identity.')
param identityId string

@description('Client id of its identity.')
param identityClientId string

@description('Subnet that its calls go out through (StandardV2); empty for none.')
param subnetId string

@description('Resource id of Application Insights.')
param applicationInsightsId string

@description('Connection string of Application Insights.')
param applicationInsightsConnectionString string

@description('Workspace for its logs.')
param workspaceId string

resource service 'Microsoft.ApiManagement/service@2024-05-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: skuName
    capacity: units
  }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    publisherEmail: publisherEmail
    publisherName: publisherName
    developerPortalStatus: 'Disabled'
    virtualNetworkType: subnetId == '' ? 'None' : 'External'
    virtualNetworkConfiguration: subnetId == '' ? null : { subnetResourceId: subnetId }
  }
}

resource logger 'Microsoft.ApiManagement/service/loggers@2024-05-01' = {
  parent: service
  name: 'application-insights'
  properties: {
    loggerType: 'applicationInsights'
    resourceId: applicationInsightsId
    credentials: {
      connectionString: applicationInsightsConnectionString
      identityClientId: identityClientId
    }
  }
}

// Made before any policy that includes it.
resource problem 'Microsoft.ApiManagement/service/policyFragments@2024-05-01' = {
  parent: service
  name: 'problem'
  properties: {
    format: 'xml'
    value: loadTextContent('../policies/problem.xml')
  }
}

resource policy 'Microsoft.ApiManagement/service/policies@2024-05-01' = {
  parent: service
  name: 'policy'
  properties: {
    format: 'xml'
    value: loadTextContent('../policies/global.xml')
  }
  dependsOn: [
    problem
  ]
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: service
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      {
        category: 'GatewayLogs'
        enabled: true
      }
    ]
  }
}

output name string = service.name
output url string = service.properties.gatewayUrl
output loggerId string = logger.id
