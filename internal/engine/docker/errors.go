package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"regexp"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/client"

	"github.com/podlike/podlike/internal/engine"
)

// fail says what could not be done, once, and keeps the kind of error for those
// who branch on it. What failed because ctx is done fails with ctx's cause.
func fail(ctx context.Context, err error, what string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("cannot %s: %w", fmt.Sprintf(what, args...), kindOf(ctx, err))
}

// unreached says why no engine was reached at an address, and what to do about that. What is
// no socket will not become one, so that this is no engine that is away.
func unreached(ctx context.Context, err error, host string) error {
	advice := "mount its socket, or name another in DOCKER_HOST"
	switch seen, unseen := os.Stat(strings.TrimPrefix(host, "unix://")); {
	case unseen == nil && seen.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("cannot reach the engine at %s: there is no socket but a file or directory, such as an engine makes "+
			"of a path that is not there; mount the path that its socket has", host)
	case errors.Is(err, fs.ErrPermission):
		advice = "let this user have its socket: as root, or by the socket's group"
	}
	return fail(ctx, err, "reach the engine at %s (%s)", host, advice)
}

// kindOf is an error with its kind.
func kindOf(ctx context.Context, err error) error {
	var cut *lost
	switch {
	case ctx.Err() != nil && (isLost(err) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)):
		return context.Cause(ctx)
	case errors.As(err, &cut):
		return cut
	case isLost(err):
		return &lost{err: plain{err}}
	case errdefs.IsNotFound(err), upgrade(err) == "404", leaving.MatchString(err.Error()):
		return fmt.Errorf("%w: %w", engine.ErrNotFound, plain{err})
	case (errdefs.IsInternal(err) || upgrade(err) == "500") && !lasting.MatchString(strings.ToLower(err.Error())):
		return fmt.Errorf("%w: %w", engine.ErrInternal, plain{err})
	}
	return plain{err}
}

// isLost tells whether there was no answer, or one that makes no sense.
func isLost(err error) bool {
	switch status := upgrade(err); status {
	case "200", "502", "503", "504": // none of them is the engine's
		return true
	}
	return errors.As(err, new(*lost)) || client.IsErrConnectionFailed(err) || errors.As(err, new(*net.OpError)) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, new(*json.SyntaxError)) || has(err.Error(), "malformed HTTP")
}

// upgrade is the status with which a stream was refused, as the client tells no more of
// that. Empty: it is no such error.
func upgrade(err error) string {
	if found := refusedStream.FindStringSubmatch(err.Error()); found != nil {
		return found[1]
	}
	return ""
}

var refusedStream = words(`unable to upgrade to \w+, received (\d{3})`)

// lasting is how the engine speaks of reasons that another try does not change: what the
// runtime or the kernel has refused, or what the container asks for and there is not.
var lasting = words(
	`oci runtime`, `\brunc\b`, `\bshim\b`, `runtime create failed`, `unknown or invalid runtime`, `exec format error`,
	`\bmount`, `bind source path`, `no such file or directory`, `not a directory`, `is a directory`, `file exists`, `read-only`,
	`permission denied`, `operation not permitted`, `no space left`, `disk quota`, `too many levels`, `file name too long`,
	`port is already allocated`, `address already in use`, `external connectivity`, `device driver`, `no such device`,
	`device information`, `\bcgroup`, `non running container`, `is not running`, `cannot join`, `namespace`, `invalid`, `unsupported`, `not supported`,
	`unknown capability`, `unable to find (user|group)`, `no matching entries`, `no such plugin`, `plugin .* not found`, `logging driver`, `not implemented`,
)

// plain is an engine's error without the words that say who said it, and without
// the colon before a reason that was not given.
type plain struct{ error }

func (p plain) Error() string {
	said := strings.TrimPrefix(strings.TrimSpace(p.error.Error()), "Error response from daemon: ")
	return strings.TrimSuffix(said, ":")
}

func (p plain) Unwrap() error { return p.error }

// nameFail tells a name that is taken from other faults.
func nameFail(ctx context.Context, err error, format string, args ...any) error {
	if errdefs.IsConflict(err) && has(err.Error(), "is already in use by container") {
		return fmt.Errorf("cannot "+format+": %w: %w", append(args, engine.ErrNameInUse, plain{err})...)
	}
	return fail(ctx, err, format, args...)
}

// startFail tells a command that is missing or cannot be executed from other
// faults, by the runtime's words: the API has no other sign of it. The docker
// command line decides in the same way between its exit codes 125, 126 and 127, but
// takes a device or a mount that is missing for the command.
func startFail(ctx context.Context, err error, id engine.ID) error {
	if err == nil {
		return nil
	}
	kind := error(nil)
	switch said := err.Error(); {
	case isLost(err):
		return fail(ctx, err, "start container %.12s", id)
	case noCommand.MatchString(said):
		kind = engine.ErrNoCommand
	case cannotExecute.MatchString(said):
		kind = engine.ErrCannotExecute
	default:
		return fail(ctx, err, "start container %.12s", id)
	}
	return fmt.Errorf("cannot start container %.12s: %w: %w", id, kind, plain{err})
}

var (
	// noCommand is how runtimes say that there is no such command.
	noCommand = words(`executable file not found`, `\bexec\b.*no such file or directory`)
	// notRun is how the engine begins when it tells of a health check, in the place of what
	// that has printed, that it could not be run.
	notRun = words(`^OCI runtime exec failed`)
	// leaving is how the engine says that it is about to remove a container.
	leaving = words(`marked for removal`)
	// cannotExecute is how they say that it is no program, or not one of this machine's.
	cannotExecute = words(`\bexec\b.*(permission denied|is a directory)`, `exec format error`)
)

// pullFail tells the kinds of errors of a pull apart, by the words of the engine and
// of registries: the API answers 500 to nearly all of them. What no kind is known of
// is a fault that another try would not mend, such as a host that nobody knows.
func pullFail(ctx context.Context, err error, ref string) error {
	if err == nil {
		return nil
	}
	kind := error(nil)
	said := strings.ToLower(plain{err}.Error())
	switch {
	case ctx.Err() != nil:
		return fail(ctx, err, "pull %s", ref)
	case isLost(err):
		return fmt.Errorf("cannot pull %s: %w: %w", ref, engine.ErrUnavailable, kindOf(ctx, err))
	case refusal.MatchString(said):
		kind = engine.ErrDenied
	case errdefs.IsNotFound(err), has(said, "manifest unknown", "name unknown"):
		kind = engine.ErrNotFound
	case errdefs.IsUnavailable(err), outage.MatchString(said):
		kind = engine.ErrUnavailable
	default:
		return fmt.Errorf("cannot pull %s: %w", ref, plain{err})
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
func putFail(ctx context.Context, err error, id engine.ID) error {
	if err != nil && has(err.Error(), "marked read-only") {
		return fmt.Errorf("cannot copy into container %.12s: %w: %w", id, engine.ErrReadOnly, plain{err})
	}
	return fail(ctx, err, "copy into container %.12s", id)
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
