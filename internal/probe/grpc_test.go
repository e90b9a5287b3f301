package probe

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	grpccodes "google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/podlike/podlike/internal/pod"
)

// listen is a listener of the test's, and its port.
func listen(t *testing.T) (net.Listener, int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, l.Addr().(*net.TCPAddr).Port
}

// serveGRPC runs a gRPC server until the test ends, and returns its port.
func serveGRPC(t *testing.T, s *grpc.Server) int {
	t.Helper()
	l, port := listen(t)
	over := make(chan error, 1)
	go func() { over <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Stop()
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
	return port
}

// ask probes a gRPC server once.
func ask(t *testing.T, port int, service string, timeout time.Duration) Result {
	t.Helper()
	return Doer{Version: "1.2"}.Do(t.Context(), pod.Probe{GRPC: &pod.GRPC{Port: port, Service: service}, Timeout: timeout})
}

func TestAServiceIsGoodWhenItSaysThatItServes(t *testing.T) {
	well, bare := grpc.NewServer(), grpc.NewServer()
	services := health.NewServer()
	long := strings.Repeat("long", 100)
	services.SetServingStatus("good", grpc_health_v1.HealthCheckResponse_SERVING)
	services.SetServingStatus(long, grpc_health_v1.HealthCheckResponse_SERVING)
	services.SetServingStatus("bad", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	services.SetServingStatus("odd", grpc_health_v1.HealthCheckResponse_UNKNOWN)
	services.SetServingStatus("new", 7)
	grpc_health_v1.RegisterHealthServer(well, services)
	tired := grpc.NewServer(grpc.UnaryInterceptor(func(context.Context, any, *grpc.UnaryServerInfo, grpc.UnaryHandler) (any, error) {
		return nil, status.Error(grpccodes.Unavailable, "100 % müde")
	}))
	grpc_health_v1.RegisterHealthServer(tired, services)
	with, without, words := serveGRPC(t, well), serveGRPC(t, bare), serveGRPC(t, tired)
	for name, c := range map[string]struct {
		why     string
		port    int
		service string
		outcome Outcome
		message string
	}{
		"Server":        {"no name is the server as a whole", with, "", Success, ""},
		"Good":          {"a service has a health of its own", with, "good", Success, ""},
		"LongName":      {"a name may take more than a byte to count", with, long, Success, ""},
		"Bad":           {"it says so", with, "bad", Failure, "the service is NOT_SERVING"},
		"Odd":           {"it does not know; 0 is not even sent", with, "odd", Failure, "the service is UNKNOWN"},
		"New":           {"a word that we do not know is not a good one", with, "new", Failure, "the service is 7"},
		"None":          {"the server knows of no such service", with, "none", Failure, "answered NOT_FOUND: unknown service"},
		"Unimplemented": {"the server knows of no health", without, "", Failure, "answered UNIMPLEMENTED: unknown service grpc.health.v1.Health"},
		"Words":         {"a reason is text, however it is sent", words, "", Failure, "answered UNAVAILABLE: 100 % müde"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ask(t, c.port, c.service, 30*time.Second)
			if got.Outcome != c.outcome || got.Message != c.message {
				t.Errorf("got %v, want %v, %q: %s", got, c.outcome, c.message, c.why)
			}
		})
	}
}

// speaksHTTP2 is a server that speaks HTTP/2 without TLS, and nothing else. What its
// connections come to is told to state, if that is not nil.
func speaksHTTP2(t *testing.T, page http.HandlerFunc, state func(net.Conn, http.ConnState)) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(page)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Config.ConnState = state
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// portOf is the one that a server listens on.
func portOf(s *httptest.Server) int { return s.Listener.Addr().(*net.TCPAddr).Port }

func TestACheckIsACallAsHTTP2CarriesIt(t *testing.T) {
	var got string
	s := speaksHTTP2(t, func(_ http.ResponseWriter, r *http.Request) {
		got = fmt.Sprint(r.Method, " ", r.URL.Path, " ", r.Header)
	}, nil)
	ask(t, portOf(s), "", 30*time.Second)
	want := "POST /grpc.health.v1.Health/Check map[Content-Length:[5] Content-Type:[application/grpc] Te:[trailers] User-Agent:[podlike-probe/1.2]]"
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestAConnectionIsForOneCall(t *testing.T) {
	closed := make(chan struct{}, 1)
	s := speaksHTTP2(t, http.NotFound, func(_ net.Conn, now http.ConnState) {
		if now == http.StateClosed {
			closed <- struct{}{}
		}
	})
	ask(t, portOf(s), "", 30*time.Second)
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Error("the connection stays")
	}
}

func TestWhoDoesNotSpeakGRPCIsNoGoodService(t *testing.T) {
	silent, silence := listen(t)
	old := httptest.NewServer(http.NotFoundHandler())
	defer old.Close()
	modern := speaksHTTP2(t, http.NotFound, nil)
	gone, nobody := listen(t)
	gone.Close()
	for name, c := range map[string]struct {
		why     string
		port    int
		message string
	}{
		"Silent": {"a try has a timeout", silence, "timed out after 200ms"},
		"HTTP1":  {"it cannot even read the question", portOf(old), "cannot speak gRPC with port "},
		"HTTP2":  {"it can, but does not know what is meant", portOf(modern), "answered 404 Not Found, which is not gRPC"},
		"Nobody": {"nobody listens", nobody, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			timeout := 30 * time.Second
			if c.port == silence {
				timeout = 200 * time.Millisecond
			}
			got := ask(t, c.port, "", timeout)
			if got.Outcome != Failure || !strings.Contains(got.Message, c.message) {
				t.Errorf("got %v, want a failure with %q: %s", got, c.message, c.why)
			}
		})
	}
	silent.Close()
}

func TestARequestIsWhatTheLibraryWouldSend(t *testing.T) {
	for _, service := range []string{"", "a", strings.Repeat("x", 127), strings.Repeat("x", 128), "ü"} {
		var got grpc_health_v1.HealthCheckRequest
		sent := asking(service)
		if err := proto.Unmarshal(sent[5:], &got); err != nil || got.GetService() != service || len(sent) != 5+proto.Size(&got) {
			t.Errorf("%q is sent as %q, %v", service, got.GetService(), err)
		}
	}
}

// A component may answer anything; the supervisor has to live on.
func FuzzAnAnswerOfAnyBytesIsReadOrRefused(f *testing.F) {
	for _, body := range []string{
		"", "\x00\x00\x00\x00\x00", "\x00\x00\x00\x00\x02\x08\x01", "\x01\x00\x00\x00\x02\x08\x01", "\x00\x00\x00\x00\x01\x08", "\x00\x00\x00\x00\x02\x10\x01",
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := healthIn(body)
		if err != nil {
			return
		}
		var want grpc_health_v1.HealthCheckResponse
		if err := proto.Unmarshal(body[5:], &want); err == nil && got == serving && want.GetStatus() != serving && len(body) == 7 {
			t.Errorf("%q is read as %d, and by the library as %v", body, got, want.GetStatus())
		}
	})
}
