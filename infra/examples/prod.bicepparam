// An organisation's environment: private, zone redundant, with alerts and a budget.
using '../main.bicep'

param environmentName = 'conversations-prod'
param location = 'swedencentral'
param apiClientId = readEnvironmentVariable('API_CLIENT_ID')
param publisherEmail = readEnvironmentVariable('PUBLISHER_EMAIL')
param tags = {
  environment: 'prod'
}
param privateNetwork = true
param gatewaySku = 'StandardV2'
param gatewayUnits = 2
param corsOrigins = [
  'https://chat.example.com'
]
param cosmosCapacity = 'autoscale'
param cosmosMaxThroughput = 10000
param cosmosBackup = 'Continuous30Days'
param zoneRedundant = true
param alwaysReadyInstances = 2
param maximumInstanceCount = 200
param logRetentionDays = 90
param logDailyQuotaGb = 50
param alertEmail = readEnvironmentVariable('ALERT_EMAIL')
param budgetAmount = 5000
param budgetStartDate = '2026-12-01'
