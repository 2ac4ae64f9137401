package tokenapi

import (
	"context"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// maxState bounds state, nonce and login_hint in bytes: they are stored and given back.
const maxState = 8 << 10

// readAuthorization reads the parameters of an authorization request. With an error it
// returns where the client wants to be told, nil when that is none of the client's own
// redirect URIs: then only the person may learn of it (RFC 6749, section 4.1.2.1).
func (h *Handler) readAuthorization(ctx context.Context, c *gatehouse.Client, f form) (*gatehouse.AuthorizationRequest, error) {
	maps.DeleteFunc(f, func(_, value string) bool { return value == "" }) // as good as not sent (RFC 6749, section 3.1)
	uri := f["redirect_uri"]
	if uri == "" {
		return nil, &Error{Code: InvalidRequest, Description: "the parameter redirect_uri is missing"}
	}
	if !c.RedirectsTo(uri) {
		return nil, &Error{Code: InvalidRequest, Description: "the redirect_uri is none of those that the application registered: they are compared letter by letter"}
	}
	req := &gatehouse.AuthorizationRequest{
		ConsumerKey: c.ConsumerKey, RedirectURI: uri, FormPost: f["response_mode"] == "form_post", At: h.Now(),
		State: f["state"], Nonce: f["nonce"], LoginHint: f["login_hint"],
	}
	if len(req.State)+len(req.Nonce)+len(req.LoginHint) > maxState {
		return nil, &Error{Code: InvalidRequest, Description: "state, nonce and login_hint are too long"}
	}
	if !c.MayUse(gatehouse.GrantAuthorizationCode) {
		return req, &Error{Code: UnauthorizedClient, Description: "this application may not use the grant type authorization_code"}
	}
	for _, read := range []func(context.Context, *gatehouse.Client, form, *gatehouse.AuthorizationRequest) error{
		readResponse, readScopes, readChallenge, readPrompt, readMaxAge, h.readHint, readClaims, h.readAudience,
	} {
		if err := read(ctx, c, f, req); err != nil {
			return req, err
		}
	}
	return req, nil
}

// readResponse checks the form of the answer that is asked for, and what is not
// supported of the request's own form.
func readResponse(_ context.Context, _ *gatehouse.Client, f form, _ *gatehouse.AuthorizationRequest) error {
	switch mode := f["response_mode"]; {
	case f.has("request"):
		return &Error{Code: RequestNotSupported, Description: "request objects are not supported: push the request instead"}
	case f.has("request_uri"):
		return &Error{Code: RequestURINotSupported, Description: "a request_uri is supported only where /par gave it"}
	case f["response_type"] == "":
		return &Error{Code: InvalidRequest, Description: "the parameter response_type is missing"}
	case f["response_type"] != "code":
		return &Error{Code: UnsupportedResponseType, Description: "the one supported response_type is code"}
	case mode != "" && mode != "query" && mode != "form_post":
		return &Error{Code: InvalidRequest, Description: "the response_mode may be query or form_post"}
	}
	return nil
}

func readScopes(_ context.Context, _ *gatehouse.Client, f form, req *gatehouse.AuthorizationRequest) (err error) {
	if req.Scopes, err = gatehouse.ParseScopes(f["scope"]); err != nil {
		return &Error{Code: InvalidScope, Description: gatehouse.MessageOf(err)}
	}
	return nil
}

// challengeForm is the base64url of a SHA-256.
var challengeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// readChallenge reads the PKCE challenge (RFC 7636): S256 alone, because plain proves
// nothing to those who can read the request. Public clients need it (RFC 9700, section
// 2.1.1), and so do those that must push their requests (FAPI 2.0, section 5.3.2.2).
func readChallenge(_ context.Context, c *gatehouse.Client, f form, req *gatehouse.AuthorizationRequest) error {
	challenge, given := f["code_challenge"]
	method, named := f["code_challenge_method"]
	switch {
	case !given && (c.Public() || c.Metadata.RequirePushed):
		return &Error{Code: InvalidRequest, Description: "this application must send a code_challenge"}
	case given && method != "S256" || !given && named:
		return &Error{Code: InvalidRequest, Description: "the one supported code_challenge_method is S256"}
	case given && !challengeForm.MatchString(challenge):
		return &Error{Code: InvalidRequest, Description: "the code_challenge is not the base64url of a SHA-256"}
	}
	req.Challenge = challenge
	return nil
}

var prompts = []string{gatehouse.PromptNone, gatehouse.PromptLogin, gatehouse.PromptConsent, gatehouse.PromptSelectAccount}

func readPrompt(_ context.Context, _ *gatehouse.Client, f form, req *gatehouse.AuthorizationRequest) error {
	for prompt := range strings.FieldsSeq(f["prompt"]) {
		if !slices.Contains(prompts, prompt) {
			return &Error{Code: InvalidRequest, Description: "prompt may hold " + strings.Join(prompts, ", ")}
		}
		if !req.Asks(prompt) {
			req.Prompt = append(req.Prompt, prompt)
		}
	}
	if req.Asks(gatehouse.PromptNone) && len(req.Prompt) > 1 {
		return &Error{Code: InvalidRequest, Description: "the prompt none stands alone"}
	}
	return nil
}

func readMaxAge(_ context.Context, _ *gatehouse.Client, f form, req *gatehouse.AuthorizationRequest) error {
	text, given := f["max_age"]
	if !given {
		return nil
	}
	seconds, err := strconv.ParseInt(text, 10, 32)
	if err != nil || seconds < 0 {
		return &Error{Code: InvalidRequest, Description: "max_age is a number of seconds"}
	}
	req.MaxAge = &seconds
	return nil
}

// readHint takes from id_token_hint whom the client expects to answer.
func (h *Handler) readHint(_ context.Context, _ *gatehouse.Client, f form, req *gatehouse.AuthorizationRequest) error {
	text := f["id_token_hint"]
	if text == "" {
		return nil
	}
	hint, err := h.Tokens.ReadIDToken(text)
	if err != nil {
		return &Error{Code: InvalidRequest, Description: "the id_token_hint is no ID token of this server", Err: err}
	}
	req.Subject = hint.Subject
	return nil
}

// readClaims reads the parameter claims (OpenID Connect Core, section 5.5). Claims that
// nobody here has are passed over, essential or not, as that section asks; the one value
// that is heeded is that of sub.
func readClaims(_ context.Context, _ *gatehouse.Client, f form, req *gatehouse.AuthorizationRequest) error {
	text := f["claims"]
	if text == "" {
		return nil
	}
	var asked struct {
		UserInfo map[string]json.RawMessage `json:"userinfo"`
		IDToken  map[string]json.RawMessage `json:"id_token"`
	}
	if err := json.Unmarshal([]byte(text), &asked); err != nil {
		return &Error{Code: InvalidRequest, Description: "the parameter claims is not the JSON of OpenID Connect Core, section 5.5"}
	}
	for _, name := range gatehouse.ClaimNamesSupported {
		if _, ok := asked.UserInfo[name]; ok {
			req.ClaimNames.UserInfo = append(req.ClaimNames.UserInfo, name)
		}
		if _, ok := asked.IDToken[name]; ok {
			req.ClaimNames.IDToken = append(req.ClaimNames.IDToken, name)
		}
	}
	for _, sub := range []json.RawMessage{asked.UserInfo["sub"], asked.IDToken["sub"]} {
		var must struct {
			Value string `json:"value"`
		}
		if sub == nil || json.Unmarshal(sub, &must) != nil || must.Value == "" {
			continue
		}
		if req.Subject != "" && req.Subject != must.Value {
			return &Error{Code: InvalidRequest, Description: "the request names two users"}
		}
		req.Subject = must.Value
	}
	return nil
}

// readAudience reads what the tokens will be for (RFC 8707), and the key that they will be
// bound to (RFC 9449, section 10).
func (h *Handler) readAudience(_ context.Context, c *gatehouse.Client, f form, req *gatehouse.AuthorizationRequest) (err error) {
	if f.has("dpop_jkt") && !challengeForm.MatchString(f["dpop_jkt"]) {
		return &Error{Code: InvalidRequest, Description: "dpop_jkt is not the base64url of a SHA-256"}
	}
	req.JKT = f["dpop_jkt"]
	req.Audience, err = h.audience(c, f)
	return err
}
