package docker

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/client"

	"github.com/podlike/podlike/internal/engine"
)

// fail says what could not be done, once, and keeps the kind of error for those
// who branch on it.
func fail(err error, what string, args ...any) error {
	if err == nil {
		return nil
	}
	what = fmt.Sprintf(what, args...)
	if errdefs.IsNotFound(err) {
		return fmt.Errorf("cannot %s: %w: %w", what, engine.ErrNotFound, plain{err})
	}
	return fmt.Errorf("cannot %s: %w", what, plain{err})
}

// plain is an engine's error without the words that say who said it, and without
// the colon before a reason that was not given.
type plain struct{ error }

func (p plain) Error() string {
	said := strings.TrimPrefix(strings.TrimSpace(p.error.Error()), "Error response from daemon: ")
	return strings.TrimSuffix(said, ":")
}

func (p plain) Unwrap() error { return p.error }

// startFail tells a command that is missing or cannot be executed from other
// faults, by the runtime's words: the API has no other sign of it. The docker
// command line decides in the same way between its exit codes 125, 126 and 127, but
// takes a device or a mount that is missing for the command.
func startFail(err error, id engine.ID) error {
	if err == nil {
		return nil
	}
	kind := error(nil)
	switch said := err.Error(); {
	case noCommand.MatchString(said):
		kind = engine.ErrNoCommand
	case cannotExecute.MatchString(said):
		kind = engine.ErrCannotExecute
	default:
		return fail(err, "start container %.12s", id)
	}
	return fmt.Errorf("cannot start container %.12s: %w: %w", id, kind, plain{err})
}

var (
	// noCommand is how runtimes say that there is no such command.
	noCommand = words(`executable file not found`, `\bexec\b.*no such file or directory`)
	// cannotExecute is how they say that it is no program, or not one of this machine's.
	cannotExecute = words(`\bexec\b.*(permission denied|is a directory)`, `exec format error`)
)

// pullFail tells the kinds of errors of a pull apart, by the words of the engine and
// of registries: the API answers 500 to nearly all of them. What no kind is known of
// is a fault that another try would not mend, such as a host that nobody knows.
func pullFail(err error, ref string) error {
	if err == nil {
		return nil
	}
	kind := error(nil)
	said := strings.ToLower(plain{err}.Error())
	switch {
	case refusal.MatchString(said):
		kind = engine.ErrDenied
	case errdefs.IsNotFound(err), has(said, "manifest unknown", "name unknown"):
		kind = engine.ErrNotFound
	case errdefs.IsUnavailable(err), client.IsErrConnectionFailed(err), errors.Is(err, io.ErrUnexpectedEOF), outage.MatchString(said):
		kind = engine.ErrUnavailable
	default:
		return fail(err, "pull %s", ref)
	}
	return fmt.Errorf("cannot pull %s: %w: %w", ref, kind, plain{err})
}

var (
	// refusal is how engines and registries say that they do not give. Words that
	// may be in an image's name count only where no name stands.
	refusal = words(
		`(^|: )(unauthorized|denied|forbidden)(: |$)`, `pull access denied`, `no basic auth credentials`,
		`authorization failed`, `insufficient_scope`, `(status|http|status code):? (401|403)\b`, `: (401 unauthorized|403 forbidden)`,
		// To a registry on this machine, or one called insecure, the engine comes
		// again without TLS when it got no access with it, and tells of that only.
		`http request to an https server`,
	)
	// outage is how they say that it may be different soon.
	outage = words(
		`(status|http|status code):? (429|5\d\d)\b`, `: (429 too many requests|5\d\d [a-z]+ [a-z]+)`,
		`(^|: )(toomanyrequests|unavailable)(: |$)`,
		`timeout$`, `timeout exceeded`, `connection (refused|reset|timed out)`, `broken pipe`, `(: |unexpected )eof$`,
		`no route to host`, `network is unreachable`, `failure in name resolution`, `server misbehaving`,
	)
)

// words matches text with one of the expressions in it.
func words(expressions ...string) *regexp.Regexp {
	return regexp.MustCompile(strings.Join(expressions, "|"))
}

// putFail tells what is read-only from other faults, by the engine's words again.
func putFail(err error, id engine.ID) error {
	if err != nil && has(err.Error(), "marked read-only") {
		return fmt.Errorf("cannot copy into container %.12s: %w: %w", id, engine.ErrReadOnly, plain{err})
	}
	return fail(err, "copy into container %.12s", id)
}

// has reports whether text contains one of the parts.
func has(text string, parts ...string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// errSilent stands for the client's own words for an engine that was not reached,
// which only repeat where it was looked for.
var errSilent = errors.New("nothing answers there")

// reason says why the engine could not be reached, such as "permission denied".
func reason(err error) error {
	var call *os.SyscallError
	switch {
	case errors.As(err, &call):
		return call.Err
	case client.IsErrConnectionFailed(err):
		return errSilent
	}
	return err
}
