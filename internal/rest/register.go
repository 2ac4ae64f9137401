package rest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
	"github.com/gatehouse/gatehouse/internal/respond"
)

const registrationPath = "/client-registration/v0.17/register"

// registrationBody asks for a client. Whose it is says the password, not owner.
type registrationBody struct {
	ClientName  string `json:"clientName"`
	CallbackURL string `json:"callbackUrl"`
	GrantType   string `json:"grantType"` // with spaces between
	TokenType   string `json:"tokenType"` // JWT, or DEFAULT
}

// registrationInfo is a client.
type registrationInfo struct {
	ClientID          string `json:"clientId"`
	ClientName        string `json:"clientName"`
	CallBackURL       string `json:"callBackURL"`
	ClientSecret      string `json:"clientSecret"` // shown here and nowhere again
	IsSaasApplication bool   `json:"isSaasApplication"`
	AppOwner          string `json:"appOwner"`
	JSONString        string `json:"jsonString"` // what older clients read: the grants, as JSON
	JSONAppAttribute  string `json:"jsonAppAttribute"`
	TokenType         string `json:"tokenType"`
}

// registration makes a client for a person who proves with a password who they are. It
// arrives at every login of some tools, from every machine: the same name gets another
// secret, and the ones before stay good.
func (h *Handler) registration() http.Handler {
	route := route{body: registrationBody{}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		by, err := h.basic(r)
		if err != nil {
			h.refuse(w, r, err)
			return
		}
		if wrong := route.mediaTypeError(r); wrong != "" {
			writeError(w, http.StatusUnsupportedMediaType, wireError{Code: http.StatusUnsupportedMediaType, Description: wrong})
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxJSON)
		answer, err := h.register(&request{Request: r, w: w, by: by})
		if err != nil {
			h.refuse(w, r, err)
			return
		}
		respond.JSON(w, http.StatusOK, answer)
	})
}

// basic proves who asks (RFC 7617). What follows the last @ is an organization key if
// there is such an organization; else the organization is the default one.
func (h *Handler) basic(r *http.Request) (*gatehouse.Member, error) {
	name, password, ok := r.BasicAuth()
	if !ok || name == "" || password == "" {
		return nil, gatehouse.Errorf(gatehouse.Unauthenticated, "send your username and password: Authorization: Basic …")
	}
	key := gatehouse.DefaultOrganization
	if at := strings.LastIndexByte(name, '@'); at >= 0 {
		_, err := h.People.Organization(r.Context(), name[at+1:])
		switch {
		case err == nil:
			key = name[at+1:]
		case gatehouse.KindOf(err) != gatehouse.NotFound:
			return nil, err
		}
	}
	org, err := h.People.Organization(r.Context(), key)
	if err != nil {
		return nil, err
	}
	return h.People.Authenticate(r.Context(), org, name, password, h.Proxies.Address(r))
}

func (h *Handler) register(r *request) (*registrationInfo, error) {
	var body registrationBody
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	// Grants that are not there are left out, and a callback that is no address: tools
	// send what their own server has, and read the answer.
	n := apistore.NewKeys{Type: gatehouse.Production}
	for grant := range strings.FieldsSeq(body.GrantType) {
		if slices.Contains(gatehouse.SupportedGrants, grant) && !slices.Contains(n.Grants, grant) {
			n.Grants = append(n.Grants, grant)
		}
	}
	if gatehouse.ValidRedirect(body.CallbackURL) {
		n.Callbacks = []string{body.CallbackURL}
	} else {
		n.Grants = slices.DeleteFunc(n.Grants, func(g string) bool { return g == gatehouse.GrantAuthorizationCode })
	}
	k, secret, err := h.Store.Register(r.Context(), r.by, apistore.NewApplication{Name: body.ClientName}, n)
	if err != nil {
		return nil, err
	}
	grants, err := json.Marshal(map[string]string{"grant_types": strings.Join(k.Grants, " "), "redirect_uris": body.CallbackURL, "client_name": body.ClientName})
	if err != nil {
		return nil, err
	}
	return &registrationInfo{
		ClientID: k.ConsumerKey, ClientName: body.ClientName, CallBackURL: body.CallbackURL, ClientSecret: secret, IsSaasApplication: true,
		AppOwner: r.by.Username, JSONString: string(grants), JSONAppAttribute: "{}", TokenType: string(k.Format),
	}, nil
}
