package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/podlike/podlike/internal/engine"
)

// The texts are what Docker 20.10, 26.1 and engines with containerd's image store say.
func TestAFailedPullIsOfAKindOfItsOwn(t *testing.T) {
	none := errors.New("no kind")
	said := func(text string) error { return errors.New("Error response from daemon: " + text) }
	missing := func(text string) error {
		return fmt.Errorf("Error response from daemon: %s%w", text, hidden{errdefs.ErrNotFound})
	}
	for name, c := range map[string]struct {
		why  string
		err  error
		kind error
	}{
		"Unauthorized":      {"the registry's own word", said(`unauthorized`), engine.ErrDenied},
		"UnauthorizedBare":  {"from newer engines, of an answer without a body", said(`unauthorized: `), engine.ErrDenied},
		"UnauthorizedWhy":   {"with a reason", said(`unauthorized: authentication required`), engine.ErrDenied},
		"TokenServer":       {"Docker Hub's", said(`Get "https://registry-1.docker.io/v2/x/manifests/1": unauthorized: incorrect username or password`), engine.ErrDenied},
		"NoneGiven":         {"it wants some", said(`Head "https://r.example/v2/x/manifests/1": no basic auth credentials`), engine.ErrDenied},
		"Hub":               {"Docker Hub does not tell which it is", missing(`pull access denied for x, repository does not exist or may require 'docker login': denied: requested access to the resource is denied`), engine.ErrDenied},
		"Denied":            {"a word of others'", said(`denied: denied`), engine.ErrDenied},
		"Forbidden":         {"403 without a body", said(`error parsing HTTP 403 response body: unexpected end of JSON input: ""`), engine.ErrDenied},
		"Containerd":        {"the same with containerd", said(`failed to resolve reference "r.example/x:1": unexpected status from HEAD request to https://r.example/v2/x/manifests/1: 401 Unauthorized`), engine.ErrDenied},
		"ContainerdHub":     {"and for Docker Hub", said(`failed to resolve reference "docker.io/library/x:1": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed`), engine.ErrDenied},
		"FellBack":          {"refused with TLS, the engine tried without", said(`error parsing HTTP 400 response body: invalid character 'C' looking for beginning of value: "Client sent an HTTP request to an HTTPS server.\n"`), engine.ErrDenied},
		"Manifest":          {"there is no such tag", missing(`manifest for r.example/x:2 not found: manifest unknown: Unknown manifest`), engine.ErrNotFound},
		"Name":              {"nor such a repository", missing(`repository r.example/x not found: name unknown: Unknown name`), engine.ErrNotFound},
		"ContainerdMissing": {"nor with containerd", missing(`failed to resolve reference "r.example/x:2": r.example/x:2: not found`), engine.ErrNotFound},
		"NamesLie":          {"words in a name mean nothing", missing(`manifest for unauthorized/denied:forbidden not found: manifest unknown`), engine.ErrNotFound},
		"NamesLieMore":      {"whatever it is called", missing(`manifest for r.example/timeout/eof:connection-refused not found: manifest unknown`), engine.ErrNotFound},
		"Down":              {"a registry that restarts", said(`received unexpected HTTP status: 503 Service Unavailable`), engine.ErrUnavailable},
		"Gateway":           {"a proxy without a registry", said(`received unexpected HTTP status: 502 Bad Gateway`), engine.ErrUnavailable},
		"Layer":             {"in the midst of it", said(`error pulling image configuration: download failed after attempts=6: received unexpected HTTP status: 500 Internal Server Error`), engine.ErrUnavailable},
		"ContainerdDown":    {"the same with containerd", said(`failed to resolve reference "r.example/x:1": unexpected status from HEAD request to https://r.example/v2/x/manifests/1: 503 Service Unavailable`), engine.ErrUnavailable},
		"ContainerdCopy":    {"and in the midst of it", said(`failed to copy: httpReadSeeker: failed open: unexpected status code https://r.example/v2/x/blobs/sha256:aa: 504 Gateway Timeout`), engine.ErrUnavailable},
		"TooMany":           {"we ask too often", said(`toomanyrequests: You have reached your pull rate limit.`), engine.ErrUnavailable},
		"TooManyBare":       {"or it says so in numbers", said(`error parsing HTTP 429 response body: unexpected end of JSON input: ""`), engine.ErrUnavailable},
		"TooManyEmpty":      {"or newer engines find no reason", said(`toomanyrequests: `), engine.ErrUnavailable},
		"Refused":           {"nobody listens", said(`Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused`), engine.ErrUnavailable},
		"Reset":             {"nobody listens any more", said(`Get "https://r.example/v2/": read tcp 10.0.0.1:1->10.0.0.2:443: read: connection reset by peer`), engine.ErrUnavailable},
		"Cut":               {"or hangs up", said(`Head "https://r.example/v2/x/manifests/1": EOF`), engine.ErrUnavailable},
		"CutLayer":          {"in the midst of a layer", said(`unexpected EOF`), engine.ErrUnavailable},
		"Slow":              {"or does not answer", said(`Get "https://r.example/v2/": net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)`), engine.ErrUnavailable},
		"Handshake":         {"in time", said(`Get "https://r.example/v2/": net/http: TLS handshake timeout`), engine.ErrUnavailable},
		"DialTimeout":       {"at all", said(`Get "https://r.example/v2/": dial tcp 10.0.0.1:443: i/o timeout`), engine.ErrUnavailable},
		"NameService":       {"names cannot be looked up", said(`Get "https://r.example/v2/": dial tcp: lookup r.example on 10.0.0.53:53: server misbehaving`), engine.ErrUnavailable},
		"Daemon":            {"the engine itself goes away", io.ErrUnexpectedEOF, engine.ErrUnavailable},
		"NoHost":            {"a name with a mistake in it stays one", said(`Get "https://r.exampel/v2/": dial tcp: lookup r.exampel on 10.0.0.53:53: no such host`), none},
		"Certificate":       {"so does a certificate that is not trusted", said(`Get "https://r.example/v2/": x509: certificate signed by unknown authority`), none},
		"Reference":         {"and a name that is none", errors.New(`invalid reference format: repository name (library/Foo) must be lowercase`), none},
		"Disk":              {"and a full disk", said(`write /var/lib/docker/tmp/GetImageBlob1: no space left on device`), none},
		"Ended":             {"a pull that we gave up is no outage", context.Canceled, none},
	} {
		t.Run(name, func(t *testing.T) {
			err := pullFail(t.Context(), c.err, "r.example/x:1")
			got := none
			for _, kind := range []error{engine.ErrDenied, engine.ErrNotFound, engine.ErrUnavailable} {
				if errors.Is(err, kind) {
					got = kind
				}
			}
			if got != c.kind {
				t.Errorf("%s: %q is of the kind %q, want %q", c.why, err, got, c.kind)
			}
			if !errors.Is(err, c.err) || !strings.HasPrefix(err.Error(), "cannot pull r.example/x:1: ") ||
				strings.HasSuffix(err.Error(), ":") || strings.Contains(err.Error(), "response from daemon") {
				t.Errorf("%s: not what went wrong: %q", c.why, err)
			}
		})
	}
	if err := pullFail(t.Context(), nil, "x"); err != nil {
		t.Errorf("an error of none: %v", err)
	}
}

// hidden is an error's kind without its words.
type hidden struct{ error }

func (hidden) Error() string   { return "" }
func (h hidden) Unwrap() error { return h.error }
