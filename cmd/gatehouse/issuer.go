package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/server"
)

func (p *program) issuerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "issuer",
		Short: "Say whose assertions an organization trusts",
		Long: `An issuer that an organization trusts says who a user is: its JWTs (RFC 7523) or SAML 2.0
assertions (RFC 7522) are traded for tokens of the members they name.`,
		Example: `  gatehouse issuer add --org acme --issuer https://login.acme.example --jwks-uri https://login.acme.example/jwks
  gatehouse issuer add --org acme --issuer https://idp.acme.example --certificate-file idp.pem
  gatehouse issuer list --org acme`,
	}
	cmd.AddCommand(p.issuerAddCommand(), p.issuerListCommand(), p.issuerDeleteCommand())
	return cmd
}

// issuerJSON is a trusted issuer as --output json prints it.
type issuerJSON struct {
	ID          string               `json:"id"`
	Kind        gatehouse.IssuerKind `json:"kind"`
	Issuer      string               `json:"issuer"`
	Audience    string               `json:"audience,omitempty"`
	Claim       string               `json:"claim,omitempty"`
	ConsumerKey string               `json:"consumerKey,omitempty"`
	CreatedAt   time.Time            `json:"createdAt"`
}

func printIssuers(p *program, out *output, one bool, issuers ...gatehouse.TrustedIssuer) error {
	table := [][]string{{"ID", "KIND", "ISSUER", "AUDIENCE", "CLAIM", "CONSUMER KEY"}}
	list := []issuerJSON{}
	for _, i := range issuers {
		table = append(table, []string{i.ID, string(i.Kind), i.Issuer, i.Audience, i.Claim, i.ConsumerKey})
		list = append(list, issuerJSON{i.ID, i.Kind, i.Issuer, i.Audience, i.Claim, i.ConsumerKey, i.CreatedAt.UTC()})
	}
	if one {
		return out.print(p.out, list[0], table)
	}
	return out.print(p.out, list, table)
}

func (p *program) issuerAddCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "add",
		Short: "Trust an issuer",
		Long: `Trust an issuer: one of JWTs by its keys (--jwks-file or --jwks-uri), one of SAML 2.0
assertions by its certificate (--certificate-file). Its assertions must be for the gateway's
URL or its /token, or for --audience. The subject is the username of a member.`,
		Example: "  gatehouse issuer add --org acme --issuer https://login.acme.example --jwks-file keys.json --claim email",
		Args:    cobra.NoArgs,
	}
	addStore(cmd)
	org := addOrg(cmd)
	var i gatehouse.TrustedIssuer
	flags := cmd.Flags()
	flags.StringVar(&i.Issuer, "issuer", "", "as its assertions name it: iss of a JWT, Issuer of a SAML assertion")
	flags.StringVar(&i.JWKSURI, "jwks-uri", "", "https:// URL of the issuer's JWK set")
	flags.StringVar(&i.Audience, "audience", "", "one more audience that its assertions may be for")
	flags.StringVar(&i.Claim, "claim", "", "claim of its JWTs that holds the username (default: sub)")
	flags.StringVar(&i.ConsumerKey, "consumer-key", "", "the one client that may bring its assertions (default: any of the organization)")
	jwks := flags.String("jwks-file", "", "file with the issuer's JWK set")
	certificate := flags.String("certificate-file", "", "file with the issuer's certificate in PEM")
	out := addOutput(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		i.Kind = gatehouse.IssuerJWT
		if *certificate != "" {
			i.Kind = gatehouse.IssuerSAML
		}
		text, err := readSmall(*jwks)
		if err != nil {
			return err
		}
		i.JWKS = text
		if text, err = readSmall(*certificate); err != nil {
			return err
		}
		i.Certificate = string(text)
		return p.withServices(cmd, func(ctx context.Context, s *server.Services) error {
			made, err := s.Organization.TrustIssuer(ctx, *org, i)
			if err != nil {
				return err
			}
			return printIssuers(p, out, true, *made)
		})
	}
	return cmd
}

// readSmall returns what a file holds, nothing where no file is named.
func readSmall(name string) ([]byte, error) {
	const most = 1 << 20
	if name == "" {
		return nil, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && len(text) > most {
		err = fmt.Errorf("%s is longer than %d bytes", name, most)
	}
	return text, err
}

func (p *program) issuerListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the issuers that an organization trusts",
		Example: "  gatehouse issuer list --org acme --output json",
		Args:    cobra.NoArgs,
	}
	addStore(cmd)
	org := addOrg(cmd)
	out := addOutput(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return p.withServices(cmd, func(ctx context.Context, s *server.Services) error {
			issuers, err := s.Organization.Issuers(ctx, *org)
			if err != nil {
				return err
			}
			return printIssuers(p, out, false, issuers...)
		})
	}
	return cmd
}

func (p *program) issuerDeleteCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "delete ID",
		Short:   "Trust an issuer no longer",
		Long:    "Trust an issuer no longer. Tokens that its assertions were traded for live until they end.",
		Example: "  gatehouse issuer delete 0197a2f0-… --org acme",
		Args:    cobra.ExactArgs(1),
	}
	addStore(cmd)
	org := addOrg(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return p.withServices(cmd, func(ctx context.Context, s *server.Services) error {
			if err := s.Organization.DistrustIssuer(ctx, *org, args[0]); err != nil {
				return err
			}
			_, err := fmt.Fprintf(p.err, "deleted issuer %s\n", args[0])
			return err
		})
	}
	return cmd
}
