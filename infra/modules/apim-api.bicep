metadata description = 'The API in API Management: imported from openapi.json, with its policy, in front of the app.'

@description('The API Management service.')
param gatewayName string

@description('Client id of its identity, by which it calls the app.')
param gatewayClientId string

@description('Resource id of its logger.')
param loggerId string

@description('URL of the app.')
param appUrl string

@description('Client id of the API\'s app registration: the audience of callers\' tokens, and of its own.')
param apiClientId string

@description('Whether callers also need a subscription key.')
param subscriptionRequired bool

@description('Origins of web pages that may call.')
param corsOrigins array

@description('Calls a minute of one user.')
param rateLimitCalls int

@description('Tokens a minute of one user on POST responses.')
param rateLimitTokens int

@description('Sampled share of requests, in percent.')
param samplingPercentage int

var authority = '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
var origins = '<origin>${join(corsOrigins, '</origin><origin>')}</origin>'
var corsPolicy = replace(loadTextContent('../policies/cors.xml'), '<__ORIGINS__ />', origins)

// One value after the other into the policy's text.
var withCors = replace(loadTextContent('../policies/api.xml'), '<__CORS__ />', empty(corsOrigins) ? '' : corsPolicy)
var withConfiguration = replace(withCors, '__OPENID_CONFIGURATION__', '${authority}/.well-known/openid-configuration')
var withIssuer = replace(withConfiguration, '__ISSUER__', authority)
var withApi = replace(withIssuer, '__API_CLIENT_ID__', apiClientId)
var withGateway = replace(withApi, '__GATEWAY_CLIENT_ID__', gatewayClientId)
var withCalls = replace(withGateway, '__RATE_LIMIT_CALLS__', string(rateLimitCalls))
var apiPolicy = replace(withCalls, '__RATE_LIMIT_TOKENS__', string(rateLimitTokens))

resource service 'Microsoft.ApiManagement/service@2024-05-01' existing = {
  name: gatewayName
}

resource backend 'Microsoft.ApiManagement/service/backends@2024-05-01' = {
  parent: service
  name: 'app'
  properties: {
    protocol: 'http'
    url: appUrl
    tls: {
      validateCertificateChain: true
      validateCertificateName: true
    }
  }
}

resource api 'Microsoft.ApiManagement/service/apis@2024-05-01' = {
  parent: service
  name: 'conversations'
  properties: {
    displayName: 'Conversation service'
    path: ''
    protocols: [
      'https'
    ]
    serviceUrl: appUrl
    subscriptionRequired: subscriptionRequired
    format: 'openapi+json'
    value: string(loadJsonContent('../openapi.json'))
  }
}

resource policy 'Microsoft.ApiManagement/service/apis/policies@2024-05-01' = {
  parent: api
  name: 'policy'
  properties: {
    format: 'xml'
    value: apiPolicy
  }
  dependsOn: [
    backend
  ]
}

// No headers but the request's id, and no byte of a body.
resource diagnostics 'Microsoft.ApiManagement/service/apis/diagnostics@2024-05-01' = {
  parent: api
  name: 'applicationinsights'
  properties: {
    loggerId: loggerId
    alwaysLog: 'allErrors'
    httpCorrelationProtocol: 'W3C'
    logClientIp: false
    verbosity: 'information'
    sampling: {
      samplingType: 'fixed'
      percentage: samplingPercentage
    }
    frontend: {
      request: {
        headers: [
          'x-request-id'
        ]
        body: {
          bytes: 0
        }
      }
      response: {
        headers: [
          'x-request-id'
        ]
        body: {
          bytes: 0
        }
      }
    }
    backend: {
      request: {
        headers: []
        body: {
          bytes: 0
        }
      }
      response: {
        headers: []
        body: {
          bytes: 0
        }
      }
    }
  }
}
