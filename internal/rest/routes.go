package rest

import "strings"

// route is one row of the table: what may be asked, with which scopes, and who answers.
type route struct {
	method, path, summary string

	scopes []string // any one of them opens the route
	query  string   // names of query parameters, for the OpenAPI document
	body   any      // the wire type of the body, form{} for multipart, nil for none
	answer any      // the wire type of the answer, nil for none
	status int      // of success; 0 means 200
	handle func(*Handler, *request) (any, error)
}

// area is one of the interface's three parts.
type area struct {
	title, prefix string
	routes        []route
}

// scopes lists scopes by the part of their name behind apim:.
func scopes(names string) []string {
	var scopes []string
	for name := range strings.FieldsSeq(names) {
		scopes = append(scopes, "apim:"+name)
	}
	return scopes
}

var (
	viewAPIs      = scopes("api_view api_manage api_import_export api_create api_publish api_list_view api_product_import_export")
	createAPIs    = scopes("api_create api_manage api_import_export")
	publishAPIs   = scopes("api_publish api_manage api_import_export")
	deleteAPIs    = scopes("api_delete api_manage api_import_export")
	viewSubs      = scopes("subscription_view subscription_manage api_manage")
	blockSubs     = scopes("subscription_block subscription_manage api_manage")
	useStore      = scopes("subscribe app_manage sub_manage")
	manageApps    = scopes("subscribe app_manage app_import_export")
	subscribes    = scopes("subscribe sub_manage")
	seeAllApps    = scopes("admin app_owner_change app_import_export")
	deleteAllApps = scopes("admin app_import_export")
	viewTiers     = scopes("admin tier_view tier_manage")
	manageTiers   = scopes("admin tier_manage")
	moveTiers     = scopes("admin tier_manage policies_import_export")
	viewDenied    = scopes("admin bl_view bl_manage")
	deny          = scopes("admin bl_manage")
)

// Where the parts live.
const (
	publisherPrefix = "/api/am/publisher/v4"
	storePrefix     = "/api/am/devportal/v3"
	adminPrefix     = "/api/am/admin/v4"
)

// areas are the three parts.
var areas = []area{
	{"Gatehouse Publisher", publisherPrefix, publisherRoutes},
	{"Gatehouse API Store", storePrefix, storeRoutes},
	{"Gatehouse Administration", adminPrefix, adminRoutes},
}

const paging = "limit offset "

var publisherRoutes = []route{
	{"GET", "/apis", "The organization's APIs", viewAPIs, paging + "query", nil, list[apiInfo]{}, 0, (*Handler).listAPIs},
	{"GET", "/search", "APIs, found by a query", viewAPIs, paging + "query", nil, list[apiInfo]{}, 0, (*Handler).listAPIs},
	{"POST", "/apis", "Draw up an API without a document", createAPIs, "", apiBody{}, apiBody{}, 201, (*Handler).createAPI},
	{"POST", "/apis/import-openapi", "Draw up an API from an OpenAPI document", createAPIs, "", form{}, apiBody{}, 201, (*Handler).importOpenAPI},
	{"GET", "/apis/{apiId}", "An API", viewAPIs, "", nil, apiBody{}, 0, (*Handler).getAPI},
	{"PUT", "/apis/{apiId}", "Change an API", createAPIs, "", apiBody{}, apiBody{}, 0, (*Handler).updateAPI},
	{"DELETE", "/apis/{apiId}", "Delete an API", deleteAPIs, "", nil, nil, 0, (*Handler).deleteAPI},
	{"GET", "/apis/{apiId}/swagger", "An API's OpenAPI document", viewAPIs, "", nil, nil, 0, (*Handler).getDocument},
	{"PUT", "/apis/{apiId}/swagger", "Replace an API's OpenAPI document", createAPIs, "", form{}, nil, 0, (*Handler).updateDocument},
	{"POST", "/apis/copy-api", "Draw up a new version of an API", createAPIs, "apiId newVersion defaultVersion", nil, apiBody{}, 201, (*Handler).copyAPI},
	{"GET", "/apis/{apiId}/client-certificates", "The certificates that callers may present", viewAPIs, paging + "alias", nil, list[certificateInfo]{}, 0, (*Handler).listCertificates},
	{"POST", "/apis/{apiId}/client-certificates", "Know a caller by a certificate", createAPIs, "", form{}, certificateInfo{}, 201, (*Handler).addCertificate},
	{"DELETE", "/apis/{apiId}/client-certificates/{alias}", "Forget a certificate", createAPIs, "", nil, nil, 0, (*Handler).removeCertificate},
	{"GET", "/apis/{apiId}/client-certs/{keyType}", "The certificates for calls of one key type", viewAPIs, paging + "alias", nil, list[certificateInfo]{}, 0, (*Handler).listCertificates},
	{"POST", "/apis/{apiId}/client-certs/{keyType}", "Know a caller of one key type by a certificate", createAPIs, "", form{}, certificateInfo{}, 201, (*Handler).addCertificate},
	{"DELETE", "/apis/{apiId}/client-certs/{keyType}/{alias}", "Forget a certificate", createAPIs, "", nil, nil, 0, (*Handler).removeCertificate},
	{"POST", "/apis/{apiId}/generate-key", "A key to try the API out with, before it is published too", createAPIs, "", nil, internalKeyInfo{}, 0, (*Handler).generateInternalKey},
	{"POST", "/apis/change-lifecycle", "Move an API along its lifecycle", publishAPIs, "apiId action lifecycleChecklist", nil, workflowAnswer{}, 0, (*Handler).changeLifecycle},
	{"GET", "/apis/{apiId}/lifecycle-state", "Where an API stands, and what may come next", viewAPIs, "", nil, lifecycleState{}, 0, (*Handler).getLifecycle},
	{"GET", "/throttling-policies/{policyLevel}", "The tiers of a level", viewAPIs, paging, nil, list[tierInfo]{}, 0, (*Handler).listTiers},
	{"GET", "/apis/{apiId}/calls", "The last calls of an API, and why they were answered as they were", viewAPIs, paging, nil, list[callInfo]{}, 0, (*Handler).listCallsTo},
	{"GET", "/usage", "How often the organization's APIs were called", viewAPIs, paging + "unit from to by", nil, list[usageInfo]{}, 0, (*Handler).usageTo},
	{"GET", "/apis/{apiId}/usage", "How often an API was called", viewAPIs, paging + "unit from to by", nil, list[usageInfo]{}, 0, (*Handler).usageTo},
	{"GET", "/calls/{callId}", "A call, by the X-Request-Id of its answer", viewAPIs, "", nil, callInfo{}, 0, (*Handler).getCallTo},
	{"POST", "/explain", "What would become of a call", viewAPIs, "", questionBody{}, callInfo{}, 0, (*Handler).explain},
	{"GET", "/subscriptions", "Who subscribes", viewSubs, paging + "apiId", nil, list[subscriberInfo]{}, 0, (*Handler).listSubscribers},
	{"POST", "/subscriptions/block-subscription", "Block a subscription", blockSubs, "subscriptionId blockState", nil, nil, 0, (*Handler).blockSubscription},
	{"POST", "/subscriptions/unblock-subscription", "Open a subscription again", blockSubs, "subscriptionId", nil, nil, 0, (*Handler).unblockSubscription},
}

var storeRoutes = []route{
	{"GET", "/apis", "The APIs that the Store shows", useStore, paging + "query", nil, list[storeAPIInfo]{}, 0, (*Handler).listStoreAPIs},
	{"GET", "/apis/{apiId}", "An API", useStore, "", nil, storeAPI{}, 0, (*Handler).getStoreAPI},
	{"GET", "/apis/{apiId}/swagger", "An API's OpenAPI document", useStore, "", nil, nil, 0, (*Handler).getStoreDocument},
	{"GET", "/throttling-policies/{policyLevel}", "The tiers of a level", useStore, paging, nil, list[tierInfo]{}, 0, (*Handler).listTiers},
	{"GET", "/applications", "One's own applications", manageApps, paging + "query name", nil, list[applicationInfo]{}, 0, (*Handler).listApplications},
	{"POST", "/applications", "Make an application", manageApps, "", applicationBody{}, applicationInfo{}, 201, (*Handler).createApplication},
	{"GET", "/applications/{applicationId}", "An application", manageApps, "", nil, applicationInfo{}, 0, (*Handler).getApplication},
	{"PUT", "/applications/{applicationId}", "Change an application", manageApps, "", applicationBody{}, applicationInfo{}, 0, (*Handler).updateApplication},
	{"DELETE", "/applications/{applicationId}", "Delete an application", manageApps, "", nil, nil, 0, (*Handler).deleteApplication},
	{"POST", "/applications/{applicationId}/generate-keys", "Make an application's keys of one type", manageApps, "", keysBody{}, keysInfo{}, 0, (*Handler).generateKeys},
	{"GET", "/applications/{applicationId}/keys", "An application's keys", manageApps, "", nil, list[keysInfo]{}, 0, (*Handler).listKeys},
	{"GET", "/applications/{applicationId}/oauth-keys", "An application's keys", manageApps, "", nil, list[keysInfo]{}, 0, (*Handler).listKeys},
	{"GET", "/applications/{applicationId}/oauth-keys/{keyMappingId}", "Keys", manageApps, "", nil, keysInfo{}, 0, (*Handler).getKeys},
	{"PUT", "/applications/{applicationId}/oauth-keys/{keyMappingId}", "Change what keys may do", manageApps, "", keysBody{}, keysInfo{}, 0, (*Handler).updateKeys},
	{"DELETE", "/applications/{applicationId}/oauth-keys/{keyMappingId}", "Delete keys", manageApps, "", nil, nil, 0, (*Handler).deleteKeys},
	{"POST", "/applications/{applicationId}/oauth-keys/{keyMappingId}/generate-token", "Get an access token", manageApps, "", tokenBody{}, tokenInfo{}, 0, (*Handler).generateToken},
	{"POST", "/applications/{applicationId}/oauth-keys/{keyMappingId}/generate-secret", "Add a consumer secret", manageApps, "", secretBody{}, secretInfo{}, 201, (*Handler).generateSecret},
	{"GET", "/applications/{applicationId}/oauth-keys/{keyMappingId}/secrets", "The consumer secrets, masked", manageApps, "", nil, list[secretInfo]{}, 0, (*Handler).listSecrets},
	{"POST", "/applications/{applicationId}/oauth-keys/{keyMappingId}/revoke-secret", "Revoke a consumer secret", manageApps, "", revokeBody{}, nil, 204, (*Handler).revokeSecret},
	{"GET", "/applications/{applicationId}/api-keys/{keyType}", "An application's API keys", manageApps, paging, nil, list[apiKeyInfo]{}, 0, (*Handler).listAPIKeys},
	{"POST", "/applications/{applicationId}/api-keys/{keyType}/generate", "Make an API key of an application", manageApps, "", apiKeyBody{}, apiKeyAnswer{}, 0, (*Handler).generateAPIKey},
	{"POST", "/applications/{applicationId}/api-keys/{keyType}/revoke", "Revoke an API key", manageApps, "", apiKeyName{}, nil, 0, (*Handler).revokeAPIKey},
	{"GET", "/apis/{apiId}/api-keys", "One's own API keys of an API", manageApps, paging, nil, list[apiKeyInfo]{}, 0, (*Handler).listAPIKeys},
	{"POST", "/apis/{apiId}/api-keys/generate", "Make an API key of an API", manageApps, "", apiKeyBody{}, apiKeyAnswer{}, 0, (*Handler).generateAPIKey},
	{"POST", "/apis/{apiId}/api-keys/associate", "Let an API key use an application's subscription", manageApps, "", apiKeyName{}, nil, 0, (*Handler).associateAPIKey},
	{"POST", "/apis/{apiId}/api-keys/dissociate", "Take an API key from its application", manageApps, "", apiKeyName{}, nil, 0, (*Handler).dissociateAPIKey},
	{"POST", "/apis/{apiId}/api-keys/revoke", "Revoke an API key", manageApps, "", apiKeyName{}, nil, 0, (*Handler).revokeAPIKey},
	{"GET", "/applications/{applicationId}/calls", "The last calls of an application, and why they were answered as they were", manageApps, paging, nil, list[callInfo]{}, 0, (*Handler).listCallsOf},
	{"GET", "/applications/{applicationId}/usage", "How often an application called", manageApps, paging + "unit from to by", nil, list[usageInfo]{}, 0, (*Handler).usageOf},
	{"GET", "/calls/{callId}", "A call, by the X-Request-Id of its answer", manageApps, "", nil, callInfo{}, 0, (*Handler).getCallOf},
	{"POST", "/explain", "What would become of a call", manageApps, "", questionBody{}, callInfo{}, 0, (*Handler).explain},
	{"GET", "/subscriptions", "One's own subscriptions", subscribes, paging + "apiId applicationId", nil, list[subscriptionInfo]{}, 0, (*Handler).listSubscriptions},
	{"POST", "/subscriptions", "Subscribe", subscribes, "", subscriptionBody{}, subscriptionInfo{}, 201, (*Handler).subscribe},
	{"GET", "/subscriptions/{subscriptionId}", "A subscription", subscribes, "", nil, subscriptionInfo{}, 0, (*Handler).getSubscription},
	{"DELETE", "/subscriptions/{subscriptionId}", "Unsubscribe", subscribes, "", nil, nil, 0, (*Handler).unsubscribe},
}

var adminRoutes = []route{
	{"GET", "/applications", "Everybody's applications", seeAllApps, paging + "user name", nil, list[applicationInfo]{}, 0, (*Handler).listAllApplications},
	{"DELETE", "/applications/{applicationId}", "Delete anybody's application", deleteAllApps, "", nil, nil, 0, (*Handler).deleteAnyApplication},
	{"GET", "/throttling/policies/search", "Tiers, found by name and type", viewTiers, paging + "query", nil, list[foundTier]{}, 0, (*Handler).searchTiers},
	{"GET", "/throttling/policies/export", "A tier as a file", moveTiers, "name type format", nil, exportedTier{}, 0, (*Handler).exportTier},
	{"POST", "/throttling/policies/import", "Make a tier from a file", moveTiers, "overwrite", form{}, tierBody{}, 201, (*Handler).importTier},
	{"GET", "/throttling/policies/{policyLevel}", "The tiers of a level", viewTiers, paging, nil, list[*tierBody]{}, 0, (*Handler).listAdminTiers},
	{"POST", "/throttling/policies/{policyLevel}", "Make a tier", manageTiers, "", tierBody{}, tierBody{}, 201, (*Handler).createTier},
	{"GET", "/throttling/policies/{policyLevel}/{policyId}", "A tier", viewTiers, "", nil, tierBody{}, 0, (*Handler).getTier},
	{"PUT", "/throttling/policies/{policyLevel}/{policyId}", "Change a tier", manageTiers, "", tierBody{}, tierBody{}, 0, (*Handler).updateTier},
	{"DELETE", "/throttling/policies/{policyLevel}/{policyId}", "Delete a tier", manageTiers, "", nil, nil, 0, (*Handler).deleteTier},
	{"GET", "/throttling/deny-policies", "Who is kept out", viewDenied, paging, nil, list[*denyBody]{}, 0, (*Handler).listDenyPolicies},
	{"POST", "/throttling/deny-policies", "Keep somebody out", deny, "", denyBody{}, denyBody{}, 201, (*Handler).createDenyPolicy},
	{"GET", "/throttling/deny-policy/{conditionId}", "A deny policy", viewDenied, "", nil, denyBody{}, 0, (*Handler).getDenyPolicy},
	{"PATCH", "/throttling/deny-policy/{conditionId}", "Switch a deny policy on or off", deny, "", denyBody{}, denyBody{}, 0, (*Handler).switchDenyPolicy},
	{"DELETE", "/throttling/deny-policy/{conditionId}", "Delete a deny policy", deny, "", nil, nil, 0, (*Handler).deleteDenyPolicy},
}
