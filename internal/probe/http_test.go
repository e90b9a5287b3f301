package probe_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/probe"
)

// site is a server for the test.
func site(t *testing.T, page http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(page)
	t.Cleanup(s.Close)
	return s
}

// port is the one that a server listens on.
func port(s *httptest.Server) int {
	return s.Listener.Addr().(*net.TCPAddr).Port
}

// get probes a server once.
func get(t *testing.T, s *httptest.Server, h pod.HTTPGet) probe.Result {
	t.Helper()
	h.Port = port(s)
	return probe.Doer{Version: "1.2"}.Do(t.Context(), pod.Probe{HTTP: &h, Timeout: patience})
}

func TestAnAnswerFrom200To399IsGood(t *testing.T) {
	s := site(t, func(w http.ResponseWriter, r *http.Request) {
		code, _ := strconv.Atoi(r.URL.Path[1:])
		w.WriteHeader(code)
		fmt.Fprintln(w, "so it is")
	})
	for code, c := range map[int]struct {
		why     string
		outcome probe.Outcome
		message string
	}{
		200: {"the usual", probe.Success, ""},
		204: {"no content is fine", probe.Success, ""},
		299: {"a code need not have a name", probe.Success, ""},
		304: {"a redirect to nowhere is left as it is", probe.Success, "answered 304 Not Modified, which is not followed"},
		399: {"the last of the good", probe.Success, "answered 399"},
		400: {"the first of the bad", probe.Failure, "answered 400 Bad Request: so it is"},
		404: {"a path that is not there", probe.Failure, "answered 404 Not Found: so it is"},
		503: {"what a component says that is not well", probe.Failure, "answered 503 Service Unavailable: so it is"},
	} {
		t.Run(strconv.Itoa(code), func(t *testing.T) {
			check(t, c.why, get(t, s, pod.HTTPGet{Path: "/" + strconv.Itoa(code)}), c.outcome, c.message)
		})
	}
}

// headers are names, each followed by its value.
func headers(words ...string) (all []pod.Header) {
	for pair := range slices.Chunk(words, 2) {
		all = append(all, pod.Header{Name: pair[0], Value: pair[1]})
	}
	return all
}

// take takes a header away, and returns none where there is none.
func take(from http.Header, name string) string {
	defer from.Del(name)
	if values := from.Values(name); len(values) > 0 {
		return strings.Join(values, "|")
	}
	return "none"
}

func TestARequestIsThatOfTheProbe(t *testing.T) {
	type request struct{ Host, URI, Agent, Accept, Others string }
	var got request
	s := site(t, func(_ http.ResponseWriter, r *http.Request) {
		got = request{r.Host, r.RequestURI, take(r.Header, "User-Agent"), take(r.Header, "Accept"), fmt.Sprint(r.Header)}
	})
	here := s.Listener.Addr().String()
	const rest = "map[Connection:[close]]" // net/http's, and nothing of compression
	for name, c := range map[string]struct {
		why  string
		give pod.HTTPGet
		want request
	}{
		"Nothing":   {"the defaults", pod.HTTPGet{}, request{here, "/", "podlike-probe/1.2", "*/*", rest}},
		"Path":      {"a query belongs to it", pod.HTTPGet{Path: "/a%20b?c=d"}, request{here, "/a%20b?c=d", "podlike-probe/1.2", "*/*", rest}},
		"NoSlash":   {"a path is one without it too", pod.HTTPGet{Path: "healthz"}, request{here, "/healthz", "podlike-probe/1.2", "*/*", rest}},
		"Host":      {"a server may have many names", pod.HTTPGet{Headers: headers("host", "example.com")}, request{"example.com", "/", "podlike-probe/1.2", "*/*", rest}},
		"Address":   {"not all listen on the default", pod.HTTPGet{Host: "localhost"}, request{"localhost" + here[strings.LastIndex(here, ":"):], "/", "podlike-probe/1.2", "*/*", rest}},
		"Agent":     {"a header that is given counts", pod.HTTPGet{Headers: headers("user-agent", "me")}, request{here, "/", "me", "*/*", rest}},
		"Accept":    {"however it is written", pod.HTTPGet{Headers: headers("accept", "text/plain")}, request{here, "/", "podlike-probe/1.2", "text/plain", rest}},
		"NoAccept":  {"an empty one takes the default away", pod.HTTPGet{Headers: headers("Accept", "")}, request{here, "/", "podlike-probe/1.2", "none", rest}},
		"NoAgent":   {"and so does this", pod.HTTPGet{Headers: headers("User-Agent", "")}, request{here, "/", "none", "*/*", rest}},
		"TwoValues": {"a header may come twice", pod.HTTPGet{Headers: headers("X-Extra", "a", "x-extra", "b")}, request{here, "/", "podlike-probe/1.2", "*/*", "map[Connection:[close] X-Extra:[a b]]"}},
	} {
		t.Run(name, func(t *testing.T) {
			check(t, c.why, get(t, s, c.give), probe.Success, "")
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s:\n%s", c.why, diff)
			}
		})
	}
}

func TestARequestThatCannotBeIsAFailure(t *testing.T) {
	s := site(t, func(http.ResponseWriter, *http.Request) {})
	check(t, "a percent sign has to mean something", get(t, s, pod.HTTPGet{Path: "/100%"}), probe.Failure, "cannot ask: ")
}

func TestOnlyRedirectsToTheSameHostAreFollowed(t *testing.T) {
	var asked []string
	s := site(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Host[:strings.LastIndex(r.Host, ":")]+r.URL.Path)
		_, more, _ := strings.Cut(r.URL.Path, "/down/")
		switch left, err := strconv.Atoi(more); {
		case r.URL.Path == "/away":
			http.Redirect(w, r, "http://"+strings.Replace(r.Host, "127.0.0.1", "localhost", 1)+"/there", http.StatusFound)
		case r.URL.Path == "/bad":
			http.Redirect(w, r, "/none", http.StatusFound)
		case r.URL.Path == "/none":
			http.NotFound(w, r)
		case err == nil && left > 0:
			http.Redirect(w, r, fmt.Sprintf("/down/%d", left-1), http.StatusMovedPermanently)
		}
	})
	for name, c := range map[string]struct {
		why, path string
		outcome   probe.Outcome
		message   string
		asked     int
		last      string
	}{
		"Same":    {"a path of the same host is followed", "/down/1", probe.Success, "", 2, "127.0.0.1/down/0"},
		"Bad":     {"and what is there counts", "/bad", probe.Failure, "answered 404", 2, "127.0.0.1/none"},
		"Other":   {"another host is nothing of the component's", "/away", probe.Success, "answered 302 Found, which is not followed: http://localhost:", 1, "127.0.0.1/away"},
		"Ten":     {"10 redirects are followed", "/down/10", probe.Success, "", 11, "127.0.0.1/down/0"},
		"TooMany": {"the 11th is not", "/down/11", probe.Success, "answered 301 Moved Permanently, which is not followed: /down/0", 11, "127.0.0.1/down/1"},
	} {
		t.Run(name, func(t *testing.T) {
			asked = nil
			check(t, c.why, get(t, s, pod.HTTPGet{Path: c.path}), c.outcome, c.message)
			if len(asked) != c.asked || asked[len(asked)-1] != c.last {
				t.Errorf("asked %q, want %d, at last %s: %s", asked, c.asked, c.last, c.why)
			}
		})
	}
}

func TestACertificateNeedNotBeOneThatIsTrusted(t *testing.T) {
	var proto string
	for name, c := range map[string]struct {
		why, want string
		modern    bool
	}{
		"HTTP1": {"most speak it", "HTTP/1.1", false},
		"HTTP2": {"some speak only that", "HTTP/2.0", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { proto = r.Proto }))
			s.EnableHTTP2 = c.modern
			s.StartTLS()
			defer s.Close()
			check(t, c.why, get(t, s, pod.HTTPGet{Scheme: "HTTPS"}), probe.Success, "")
			if proto != c.want {
				t.Errorf("spoke %s, want %s", proto, c.want)
			}
		})
	}
}

// What is not loopback would go to the proxy that TestMain has set, which is none.
func TestTheSupervisorsProxyIsNotAsked(t *testing.T) {
	s := site(t, func(http.ResponseWriter, *http.Request) {})
	check(t, "0.0.0.0 is this host, too", get(t, s, pod.HTTPGet{Host: "0.0.0.0"}), probe.Success, "")
}

func TestAConnectionIsForOneTry(t *testing.T) {
	var closes bool
	s := site(t, func(_ http.ResponseWriter, r *http.Request) { closes = r.Close })
	if get(t, s, pod.HTTPGet{}); !closes {
		t.Error("the server is not told that the connection ends with the answer")
	}
}

func TestAnAnswerIsReadWithinBounds(t *testing.T) {
	pour := func(w http.ResponseWriter, code int) {
		w.WriteHeader(code)
		for {
			if _, err := fmt.Fprintln(w, "and so on"); err != nil {
				return
			}
		}
	}
	s := site(t, func(w http.ResponseWriter, r *http.Request) {
		code, _ := strconv.Atoi(r.URL.Path[1:])
		pour(w, code)
	})
	check(t, "10 KiB are enough", get(t, s, pod.HTTPGet{Path: "/200"}), probe.Success, "")
	bad := get(t, s, pod.HTTPGet{Path: "/500"})
	check(t, "the message is shorter still", bad, probe.Failure, "answered 500 Internal Server Error: and so on")
	if len(bad.Message) > 600 {
		t.Errorf("the message has %d bytes", len(bad.Message))
	}
}

func TestASlowAnswerIsAFailure(t *testing.T) {
	s := site(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			http.NewResponseController(w).Flush()
		}
		<-r.Context().Done()
	})
	for _, c := range []struct{ why, path string }{
		{"there is no answer at all", "/"},
		{"an answer has an end", "/body"},
	} {
		h := pod.HTTPGet{Port: port(s), Path: c.path}
		got := probe.Doer{}.Do(t.Context(), pod.Probe{HTTP: &h, Timeout: 50 * time.Millisecond})
		check(t, c.why, got, probe.Failure, "timed out after 50ms")
	}
}

func TestAnAnswerThatBreaksOffIsAFailure(t *testing.T) {
	s := site(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, "half")
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	check(t, "the code alone is not the answer", get(t, s, pod.HTTPGet{}), probe.Failure, "answered 200 OK, but not to its end: ")
}

func TestNobodyWhoAnswersIsAFailure(t *testing.T) {
	s := site(t, func(http.ResponseWriter, *http.Request) {})
	s.Close()
	check(t, "the component does not listen yet", get(t, s, pod.HTTPGet{}), probe.Failure, "connection refused")
}
