metadata description = 'Alerts. docs/operations.md has a section for each: what it means, what to do.'

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Who is told.')
param email string

@description('Resource id of the workspace with the logs.')
param workspaceId string

@description('Resource id of the Cosmos DB account.')
param cosmosId string

@description('Resource id of the Azure OpenAI account.')
param openaiId string

var rules = loadJsonContent('../alerts.json')
var targets = {
  cosmos: {
    id: cosmosId
    namespace: 'Microsoft.DocumentDB/databaseAccounts'
  }
  openai: {
    id: openaiId
    namespace: 'Microsoft.CognitiveServices/accounts'
  }
}

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'conversations'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'conversation'
    enabled: true
    emailReceivers: [
      {
        name: 'operations'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

resource logRules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for rule in rules.logs: {
  name: rule.name
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: '${rule.name}: ${rule.meaning}'
    severity: rule.severity
    enabled: true
    scopes: [
      workspaceId
    ]
    evaluationFrequency: rule.frequency
    windowSize: rule.window
    criteria: {
      allOf: [
        {
          query: rule.query
          timeAggregation: 'Count'
          operator: rule.operator
          threshold: rule.threshold
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    actions: {
      actionGroups: [
        people.id
      ]
    }
    // A table is made when its first row comes; before that a query of it is not valid.
    skipQueryValidation: true
  }
}]

resource metricRules 'Microsoft.Insights/metricAlerts@2018-03-01' = [for rule in rules.metrics: {
  name: rule.name
  location: 'global'
  tags: tags
  properties: {
    severity: rule.severity
    enabled: true
    scopes: [
      targets[rule.target].id
    ]
    evaluationFrequency: rule.frequency
    windowSize: rule.window
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: rule.name
          metricNamespace: targets[rule.target].namespace
          metricName: rule.metric
          dimensions: rule.dimensions
          timeAggregation: rule.aggregation
          operator: rule.operator
          threshold: rule.threshold
        }
      ]
    }
    actions: [
      {
        actionGroupId: people.id
      }
    ]
  }
}]
