package gateway_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	pb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// grpcThrough serves a real gRPC service behind a gateway and returns clients that reach it
// with HTTP/2 over TLS and without.
func grpcThrough(t *testing.T) (map[string]*grpc.ClientConn, *health.Server, *gateway.Gateway, *store) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	service, server := health.NewServer(), grpc.NewServer()
	pb.RegisterHealthServer(server, service)
	go server.Serve(l)
	t.Cleanup(server.Stop)
	api := echoAPI("http://" + l.Addr().String())
	api.Settings.Backends.Production = gatehouse.Backend{Tuning: gatehouse.Tuning{HTTP2: true}}
	api.Resources = []gatehouse.Resource{{Method: "POST", Template: "/grpc.health.v1.Health/*"}}
	s := &store{apis: map[string]*gatehouse.API{"echo": api}}
	g, _ := serve(t, "", func(g *gateway.Gateway) { g.APIs, g.Tokens = s, s })

	clients := map[string]*grpc.ClientConn{}
	for name, start := range map[string]func(*httptest.Server) credentials.TransportCredentials{
		"TLS": func(s *httptest.Server) credentials.TransportCredentials {
			s.EnableHTTP2 = true
			s.StartTLS()
			return credentials.NewTLS(&tls.Config{InsecureSkipVerify: true})
		},
		"without TLS": func(s *httptest.Server) credentials.TransportCredentials {
			s.Config.Protocols = new(http.Protocols)
			s.Config.Protocols.SetUnencryptedHTTP2(true)
			s.Start()
			return insecure.NewCredentials()
		},
	} {
		front := httptest.NewUnstartedServer(g)
		secure := start(front)
		t.Cleanup(front.Close)
		client, err := grpc.NewClient(front.Listener.Addr().String(), grpc.WithTransportCredentials(secure))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close() })
		clients[name] = client
	}
	return clients, service, g, s
}

func withToken(t *testing.T, token string) context.Context {
	return metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token)
}

func TestGRPC(t *testing.T) {
	clients, service, _, _ := grpcThrough(t)
	for name, client := range clients {
		t.Run(name, func(t *testing.T) {
			check := func(token, method, about string) (pb.HealthCheckResponse_ServingStatus, error) {
				var answer pb.HealthCheckResponse
				err := client.Invoke(withToken(t, token), "/echo/1.0/grpc.health.v1.Health/"+method, &pb.HealthCheckRequest{Service: about}, &answer)
				return answer.Status, err
			}
			if got, err := check("good", "Check", ""); err != nil || got != pb.HealthCheckResponse_SERVING {
				t.Errorf("a call: %v, %v", got, err)
			}
			if _, err := check("good", "Check", "nothing"); status.Code(err) != codes.NotFound {
				t.Errorf("the service's own refusal, in a trailer: %v", err)
			}
			if _, err := check("bad", "Check", ""); status.Code(err) != codes.Unauthenticated || status.Convert(err).Message() == "" {
				t.Errorf("a bad token: %v", err)
			}
			var answer pb.HealthCheckResponse
			if err := client.Invoke(withToken(t, "good"), "/echo/1.0/another.Service/Check", &pb.HealthCheckRequest{}, &answer); status.Code(err) != codes.Unimplemented {
				t.Errorf("a method that the API does not have: %v", err)
			}

			stream, err := client.NewStream(withToken(t, "good"), &grpc.StreamDesc{ServerStreams: true}, "/echo/1.0/grpc.health.v1.Health/Watch")
			if err == nil {
				err = stream.SendMsg(&pb.HealthCheckRequest{Service: "live"})
			}
			if err == nil {
				err = stream.CloseSend()
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []pb.HealthCheckResponse_ServingStatus{pb.HealthCheckResponse_SERVICE_UNKNOWN, pb.HealthCheckResponse_SERVING, pb.HealthCheckResponse_NOT_SERVING} {
				if want != pb.HealthCheckResponse_SERVICE_UNKNOWN {
					service.SetServingStatus("live", want)
				}
				if err := stream.RecvMsg(&answer); err != nil || answer.Status != want {
					t.Fatalf("the stream says %v, %v, want %v", answer.Status, err, want)
				}
			}
			service.SetServingStatus("live", pb.HealthCheckResponse_SERVICE_UNKNOWN)
		})
	}
}

// check 110: a stream of gRPC is cut when its API is blocked.
func TestGRPCStreamsAreCutWhenTheirRightEnds(t *testing.T) {
	clients, _, g, s := grpcThrough(t)
	go g.Watch(t.Context())
	stream, err := clients["TLS"].NewStream(withToken(t, "good"), &grpc.StreamDesc{ServerStreams: true}, "/echo/1.0/grpc.health.v1.Health/Watch")
	if err == nil {
		err = stream.SendMsg(&pb.HealthCheckRequest{})
	}
	var answer pb.HealthCheckResponse
	if err == nil {
		err = stream.RecvMsg(&answer)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.apis["echo"].State = gatehouse.Blocked
	s.mu.Unlock()
	if err := g.Apply(t.Context(), "echo"); err != nil {
		t.Fatal(err)
	}
	g.Changed()
	if err := stream.RecvMsg(&answer); err == nil || err == io.EOF {
		t.Errorf("the stream goes on, or ends as if it were whole: %v", err)
	}
}
