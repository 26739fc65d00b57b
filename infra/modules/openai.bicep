metadata description = 'Azure OpenAI without keys, and its model deployments.'

@description('Name of the account and its subdomain, which tokens of Entra ID need.')
param name string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('The deployments, each with deployment, name, version, sku and capacity.')
param models array

@description('Whether it can be reached from outside of private endpoints.')
@allowed([
  'Enabled'
  'Disabled'
])
param publicNetworkAccess string

@description('Workspace for its logs.')
param workspaceId string

resource account 'Microsoft.CognitiveServices/accounts@2025-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'OpenAI'
  sku: {
    name: 'S0'
  }
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    customSubDomainName: name
    disableLocalAuth: true
    publicNetworkAccess: publicNetworkAccess
    networkAcls: {
      defaultAction: publicNetworkAccess == 'Enabled' ? 'Allow' : 'Deny'
    }
  }
}

@batchSize(1)
resource deployments 'Microsoft.CognitiveServices/accounts/deployments@2025-06-01' = [for model in models: {
  parent: account
  name: model.deployment
  sku: {
    name: model.sku
    // A number, or a string of one: what azd puts into an object stays a string.
    capacity: int(model.capacity)
  }
  properties: {
    model: {
      format: 'OpenAI'
      name: model.name
      version: model.version
    }
    versionUpgradeOption: 'OnceCurrentVersionExpired'
  }
}]

// Not RequestResponse: questions and answers are nobody's log lines.
resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: account
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'Audit'
        enabled: true
      }
    ]
  }
}

output id string = account.id
output name string = account.name
output endpoint string = account.properties.endpoint
