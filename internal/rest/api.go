package rest

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/publisher"
)

const apiType = "HTTP"

// apiInfo is an API in a publisher's list.
type apiInfo struct {
	ID              string `json:"id"`
	Name            string `json:"name"`
	Description     string `json:"description"`
	Context         string `json:"context"`
	Version         string `json:"version"`
	Provider        string `json:"provider"`
	Type            string `json:"type"`
	LifeCycleStatus string `json:"lifeCycleStatus"`
	CreatedTime     string `json:"createdTime"` // milliseconds since 1970
	UpdatedTime     string `json:"updatedTime"`
}

func newAPIInfo(a *gatehouse.API) (apiInfo, error) {
	return apiInfo{
		ID: a.ID, Name: a.Name, Description: a.Description, Context: a.Context, Version: a.Version, Provider: a.Provider, Type: apiType,
		LifeCycleStatus: string(a.State), CreatedTime: millis(a.CreatedAt), UpdatedTime: millis(a.UpdatedAt),
	}, nil
}

// millis writes a moment as the clients read it.
func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// apiBody is an API as publishers send it and get it. What a caller must not choose
// (id, provider, lifeCycleStatus and the times) is read from nobody.
type apiBody struct {
	ID              string          `json:"id,omitempty"`
	Name            string          `json:"name"`
	Context         string          `json:"context"`
	Version         string          `json:"version"`
	Description     *string         `json:"description,omitempty"`
	Provider        string          `json:"provider,omitempty"`
	Type            string          `json:"type,omitempty"`
	LifeCycleStatus string          `json:"lifeCycleStatus,omitempty"`
	EndpointConfig  *endpointConfig `json:"endpointConfig,omitempty"`
	Policies        []string        `json:"policies,omitempty"` // subscription tiers
	Tags            []string        `json:"tags,omitempty"`
	Approval        *bool           `json:"subscriptionApproval,omitempty"` // subscriptions wait for a publisher
	Operations      []operation     `json:"operations,omitempty"`
	apiLimits
	APIPolicies     *flows             `json:"apiPolicies,omitempty"` // of the calls of all operations
	CORS            *corsConfiguration `json:"corsConfiguration,omitempty"`
	Validation      *bool              `json:"enableSchemaValidation,omitempty"` // stands for the policies that hold calls against the document
	Scopes          []apiScope         `json:"scopes,omitempty"`
	CreatedTime     string             `json:"createdTime,omitempty"`
	LastUpdatedTime string             `json:"lastUpdatedTime,omitempty"`
	Warnings        []string           `json:"warnings,omitempty"` // about the OpenAPI document, after an import

	securityBody

	// One value of each of these is what Gatehouse does; see fixed.
	Visibility                 string `json:"visibility,omitempty"`
	AccessControl              string `json:"accessControl,omitempty"`
	SubscriptionAvailability   string `json:"subscriptionAvailability,omitempty"`
	EndpointImplementationType string `json:"endpointImplementationType,omitempty"`
}

// operation is a resource.
type operation struct {
	Target           string   `json:"target"`
	Verb             string   `json:"verb"`
	AuthType         string   `json:"authType"`
	ThrottlingPolicy string   `json:"throttlingPolicy"`
	Scopes           []string `json:"scopes"`
	Policies         *flows   `json:"operationPolicies,omitempty"`
}

// apiScope is a scope within an API.
type apiScope struct {
	Scope  scopeBody `json:"scope"`
	Shared bool      `json:"shared"`
}

type scopeBody struct {
	Name        string           `json:"name"`
	DisplayName string           `json:"displayName"`
	Description string           `json:"description"`
	Bindings    []gatehouse.Role `json:"bindings"`
}

// fixed refuses what asks for something that Gatehouse would not do: to take it without
// a word would leave an API more open, or called otherwise, than its publisher believes.
func (b *apiBody) fixed() error {
	for _, field := range []struct{ name, value, only string }{
		{"type", b.Type, apiType},
		{"visibility", b.Visibility, "PUBLIC"},
		{"accessControl", b.AccessControl, "NONE"},
		{"subscriptionAvailability", b.SubscriptionAvailability, "CURRENT_TENANT"},
		{"endpointImplementationType", b.EndpointImplementationType, "ENDPOINT"},
	} {
		if field.value != "" && !strings.EqualFold(field.value, field.only) {
			return gatehouse.Errorf(gatehouse.Invalid, "%s %q is not supported: leave it out, or use %q", field.name, field.value, field.only)
		}
	}
	switch c := b.EndpointConfig; {
	case c != nil:
		return c.fixed()
	}
	return nil
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// changes is what the body says of an API.
func (b *apiBody) changes() (publisher.Changes, error) {
	c := publisher.Changes{Name: b.Name, Version: b.Version, Context: b.Context, Description: b.Description, Tiers: b.Policies, Tags: b.Tags, Approval: b.Approval, Validation: b.Validation}
	if config := b.EndpointConfig; config != nil {
		production, sandbox, backends, err := config.read()
		if err != nil {
			return c, err
		}
		c.Production, c.Sandbox, c.Backends = &production, &sandbox, &backends
	}
	if b.APIPolicies != nil {
		policies, err := b.APIPolicies.read()
		if err != nil {
			return c, err
		}
		c.Policies = policies
	}
	var err error
	if c.CORS, err = b.CORS.read(c.Policies); err != nil {
		return c, err
	}
	if c.Security, err = b.security(); err != nil {
		return c, err
	}
	c.Default = b.IsDefaultVersion
	return c, b.apiLimits.read(&c)
}

// resources reads the body's operations.
func (b *apiBody) resources() ([]gatehouse.Resource, error) {
	var resources []gatehouse.Resource
	for _, o := range b.Operations {
		auth, err := gatehouse.ParseAuthType(o.AuthType)
		if err != nil {
			return nil, err
		}
		resource := gatehouse.Resource{Method: strings.ToUpper(o.Verb), Template: o.Target, Scopes: o.Scopes, Auth: auth}
		if o.ThrottlingPolicy != gatehouse.Unlimited {
			resource.Tier = o.ThrottlingPolicy
		}
		if o.Policies != nil {
			if resource.Policies, err = o.Policies.read(); err != nil {
				return nil, err
			}
		}
		resources = append(resources, resource)
	}
	return resources, nil
}

// wireAPI writes an API with the scopes that its resources name.
func (h *Handler) wireAPI(r *request, a *gatehouse.API) (*apiBody, error) {
	known, err := h.Publisher.Scopes(r.Context(), r.by)
	if err != nil {
		return nil, err
	}
	config, err := newEndpointConfig(a)
	if err != nil {
		return nil, err
	}
	cors, policies := newCORS(a.Settings.Policies)
	body := &apiBody{
		ID: a.ID, Name: a.Name, Context: a.Context, Version: a.Version, Description: &a.Description, Provider: a.Provider, Type: apiType,
		LifeCycleStatus: string(a.State), Policies: a.Tiers, Tags: a.Tags, Approval: &a.Approval, CreatedTime: millis(a.CreatedAt), LastUpdatedTime: millis(a.UpdatedAt),
		Visibility: "PUBLIC", AccessControl: "NONE", SubscriptionAvailability: "CURRENT_TENANT", EndpointImplementationType: "ENDPOINT",
		apiLimits: newAPILimits(&a.Settings), securityBody: newSecurityBody(a),
		EndpointConfig: config, Operations: operations(a), APIPolicies: newFlows(policies), CORS: cors,
	}
	if a.Settings.Validates() {
		body.Validation = new(true)
	}
	for _, s := range known {
		if slices.ContainsFunc(a.Resources, func(r gatehouse.Resource) bool { return slices.Contains(r.Scopes, s.Name) }) {
			body.Scopes = append(body.Scopes, apiScope{Scope: scopeBody{s.Name, s.DisplayName, s.Description, s.Roles}})
		}
	}
	return body, nil
}

// operations writes an API's resources.
func operations(a *gatehouse.API) []operation {
	var written []operation
	for _, res := range a.Resources {
		o := operation{Target: res.Template, Verb: res.Method, AuthType: string(res.Auth), ThrottlingPolicy: cmp.Or(res.Tier, gatehouse.Unlimited), Scopes: res.Scopes, Policies: newFlows(res.Policies)}
		if o.Scopes == nil {
			o.Scopes = []string{}
		}
		written = append(written, o)
	}
	return written
}

func (h *Handler) listAPIs(r *request) (any, error) {
	all, err := h.Publisher.APIs(r.Context(), r.by)
	if err != nil {
		return nil, err
	}
	found, err := r.asked(all)
	if err != nil {
		return nil, err
	}
	return page(r, found, newAPIInfo)
}

func (h *Handler) getAPI(r *request) (any, error) {
	a, err := h.Publisher.API(r.Context(), r.by, r.PathValue("apiId"))
	if err != nil {
		return nil, err
	}
	return h.wireAPI(r, a)
}

func (h *Handler) createAPI(r *request) (any, error) {
	var body apiBody
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	if err := body.fixed(); err != nil {
		return nil, err
	}
	a := gatehouse.API{Name: body.Name, Version: body.Version, Context: body.Context, Description: value(body.Description), Tiers: body.Policies, Tags: body.Tags}
	c, err := body.changes()
	if err != nil {
		return nil, err
	}
	c.Apply(&a)
	if a.Resources, err = body.resources(); err != nil {
		return nil, err
	}
	if len(a.Resources) == 0 {
		for _, verb := range []string{"GET", "PUT", "POST", "DELETE", "PATCH"} {
			a.Resources = append(a.Resources, gatehouse.Resource{Method: verb, Template: "/*", Auth: gatehouse.AuthAny})
		}
	}
	var scopes []gatehouse.Scope
	for _, s := range body.Scopes {
		scopes = append(scopes, gatehouse.Scope{Name: s.Scope.Name, DisplayName: s.Scope.DisplayName, Description: s.Scope.Description, Roles: s.Scope.Bindings})
	}
	created, err := h.Publisher.Create(r.Context(), r.by, a, scopes)
	if err != nil {
		return nil, h.clash(r, err, a.Name, a.Context)
	}
	r.w.Header().Set("Location", publisherPrefix+"/apis/"+created.ID)
	return h.wireAPI(r, created)
}

// clash gives a Conflict about a new API the code by which clients tell what is taken.
func (h *Handler) clash(r *request, err error, name, context string) error {
	if gatehouse.KindOf(err) != gatehouse.Conflict {
		return err
	}
	all, listErr := h.Publisher.APIs(r.Context(), r.by)
	if listErr != nil {
		return listErr
	}
	for _, a := range all {
		switch {
		case strings.EqualFold(a.Name, name):
			return &codedError{err, codeNameTaken}
		case a.Context == context:
			return &codedError{err, codeContextTaken}
		}
	}
	return err
}

// updateAPI changes what may change. Operations and scopes come from the document and
// are changed there, so other ones are refused instead of ignored; the policies of
// operations are changed here.
func (h *Handler) updateAPI(r *request) (any, error) {
	var body apiBody
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	if err := body.fixed(); err != nil {
		return nil, err
	}
	id := r.PathValue("apiId")
	a, err := h.Publisher.API(r.Context(), r.by, id)
	if err != nil {
		return nil, err
	}
	for _, field := range []struct{ name, sent, is string }{{"name", body.Name, a.Name}, {"version", body.Version, a.Version}, {"context", body.Context, a.Context}} {
		if field.sent != "" && field.sent != field.is {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "an API's %s never changes: it is %q", field.name, field.is)
		}
	}
	changes, err := body.changes()
	if err != nil {
		return nil, err
	}
	if body.Policies != nil && len(body.Policies) == 0 && a.Served() {
		changes.Tiers = []string{gatehouse.Subscriptionless} // as clients of the platform mean it
	}
	if body.Operations != nil {
		resources, err := body.resources()
		if err != nil {
			return nil, err
		}
		if !sameOperations(operations(a), operations(&gatehouse.API{Resources: resources})) {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "operations are changed with the OpenAPI document: PUT %s/swagger", r.URL.Path)
		}
		changes.Resources = resources
	}
	if a, err = h.Publisher.Update(r.Context(), r.by, id, changes); err != nil {
		return nil, err
	}
	return h.wireAPI(r, a)
}

// sameOperations compares without regard to the order and to policies.
func sameOperations(a, b []operation) bool {
	lines := func(operations []operation) []string {
		var lines []string
		for _, o := range operations {
			o.Scopes, o.Policies = slices.Sorted(slices.Values(o.Scopes)), nil
			line, err := json.Marshal(o)
			if err != nil {
				panic(err) // texts only
			}
			lines = append(lines, string(line))
		}
		slices.Sort(lines)
		return lines
	}
	return slices.Equal(lines(a), lines(b))
}

func (h *Handler) deleteAPI(r *request) (any, error) {
	return nil, h.Publisher.Delete(r.Context(), r.by, r.PathValue("apiId"))
}
