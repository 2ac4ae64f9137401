// Package gatehouse is the vocabulary of an API management platform: the things
// it talks about and the rules they keep, whatever they are stored in and however
// they are reached.
//
//	Organization    a tenant; owns everything below       organization.go
//	User, Member    a person; the same person in one organization   user.go
//	API, Resource   what a publisher offers; one method on one path of it   api.go resource.go
//	Scope           a named right on a token, bound to roles   scope.go
//	Tier            how often one may call   tier.go
//	Application     what a developer builds; holds keys and subscriptions   application.go
//	Keys, Secret    an application's consumer key of one type; its consumer secrets   keys.go
//	ClientMetadata  what keys say of themselves as an OAuth client   metadata.go
//	Subscription    an application's right to call an API on a tier   subscription.go
//	Session         a signed-in browser   session.go
//	Authorization   what an access token says, whatever its format   authorization.go
//	SealedKey, KeyRing   the keys that sign tokens, and which of them does now   signing.go
//	RefreshToken    one link of a family of rotating refresh tokens   refresh.go
//	Change          what one node tells the others   change.go
//	Backend, Target how the gateway calls what stands behind an API   backend.go backend_security.go
//	BackendSecret   what is sealed before it is stored   backend_secret.go
//	Duration        a span of time in settings   duration.go
//	Egress          which addresses backends may have   egress.go
//	validText       what people may write   text.go
//	Error           a kind, a message fit for strangers, a hidden cause   error.go
//
// It imports the standard library and nothing else, so every other package may
// import it and it can never be part of an import cycle.
package gatehouse
