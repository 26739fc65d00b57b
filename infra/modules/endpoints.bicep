metadata description = 'Private endpoints of storage, database, model and app, and the names by which they are found.'

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Resource id of the virtual network.')
param networkId string

@description('Resource id of the subnet for the endpoints.')
param subnetId string

@description('Resource id of the storage account.')
param storageId string

@description('Resource id of the Cosmos DB account.')
param cosmosId string

@description('Resource id of the Azure OpenAI account.')
param openaiId string

@description('Resource id of the app.')
param siteId string

var targets = [
  {
    name: 'blob'
    id: storageId
    group: 'blob'
    zone: 'privatelink.blob.${environment().suffixes.storage}'
  }
  {
    name: 'cosmos'
    id: cosmosId
    group: 'Sql'
    zone: 'privatelink.documents.azure.com'
  }
  {
    name: 'openai'
    id: openaiId
    group: 'account'
    zone: 'privatelink.openai.azure.com'
  }
  {
    name: 'app'
    id: siteId
    group: 'sites'
    zone: 'privatelink.azurewebsites.net'
  }
]

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [for target in targets: {
  name: target.zone
  location: 'global'
  tags: tags
}]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for (target, index) in targets: {
  parent: zones[index]
  name: target.name
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: networkId
    }
  }
}]

// Named after what it leads to: where an endpoint leads can't be changed, and a restore makes another account.
resource endpoints 'Microsoft.Network/privateEndpoints@2024-05-01' = [for target in targets: {
  name: 'pe-${last(split(target.id, '/'))}'
  location: location
  tags: tags
  properties: {
    subnet: {
      id: subnetId
    }
    privateLinkServiceConnections: [
      {
        name: target.name
        properties: {
          privateLinkServiceId: target.id
          groupIds: [
            target.group
          ]
        }
      }
    ]
  }
}]

resource records 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = [for (target, index) in targets: {
  parent: endpoints[index]
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: target.name
        properties: {
          privateDnsZoneId: zones[index].id
        }
      }
    ]
  }
}]
