metadata description = 'Cosmos DB without keys. Containers, keys, TTLs and indexes are those of containers.json.'

@description('Name of the account.')
param name string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Paid by request, or by a capacity that scales itself.')
@allowed([
  'serverless'
  'autoscale'
])
param capacity string

@description('With autoscale: the most request units a second of each container.')
param maxThroughput int

@description('How far back it can be restored.')
@allowed([
  'Continuous7Days'
  'Continuous30Days'
])
param backupTier string

@description('Whether it is spread over availability zones.')
param zoneRedundant bool

@description('Whether it can be reached from outside of private endpoints.')
@allowed([
  'Enabled'
  'Disabled'
])
param publicNetworkAccess string

@description('Workspace for its logs.')
param workspaceId string

var schema = loadJsonContent('../containers.json')
var isServerless = capacity == 'serverless'

resource account 'Microsoft.DocumentDB/databaseAccounts@2024-11-15' = {
  name: name
  location: location
  tags: tags
  kind: 'GlobalDocumentDB'
  properties: {
    databaseAccountOfferType: 'Standard'
    locations: [
      {
        locationName: location
        failoverPriority: 0
        isZoneRedundant: zoneRedundant
      }
    ]
    capabilities: isServerless ? [{ name: 'EnableServerless' }] : []
    consistencyPolicy: {
      defaultConsistencyLevel: 'Session'
    }
    disableLocalAuth: true
    disableKeyBasedMetadataWriteAccess: true
    minimalTlsVersion: 'Tls12'
    publicNetworkAccess: publicNetworkAccess
    backupPolicy: {
      type: 'Continuous'
      continuousModeProperties: {
        tier: backupTier
      }
    }
  }
}

resource database 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases@2024-11-15' = {
  parent: account
  name: 'conversations'
  properties: {
    resource: {
      id: 'conversations'
    }
  }
}

resource containers 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers@2024-11-15' = [for container in schema.containers: {
  parent: database
  name: container.id
  properties: {
    resource: {
      id: container.id
      partitionKey: container.partitionKey
      indexingPolicy: container.indexingPolicy
      defaultTtl: container.defaultTtl
    }
    options: isServerless ? {} : { autoscaleSettings: { maxThroughput: maxThroughput } }
  }
}]

// Not DataPlaneRequests, a line for every request: the app's own telemetry has those with their charge.
resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: account
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      {
        category: 'ControlPlaneRequests'
        enabled: true
      }
      {
        category: 'PartitionKeyStatistics'
        enabled: true
      }
    ]
  }
}

output id string = account.id
output name string = account.name
output endpoint string = account.properties.documentEndpoint
output databaseName string = database.name
