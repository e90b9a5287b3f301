package probe

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/podlike/podlike/internal/pod"
)

// One call with one string in it and one number out of it is all that is needed of
// gRPC, and net/http speaks the HTTP/2 below it. The library would make the
// supervisor larger by nearly half.

// healthCheck is the call of the gRPC health checking protocol.
const healthCheck = "/grpc.health.v1.Health/Check"

// serving is the health of a service that is well.
const serving = 1

// healths are the words for what a service may be, by number.
var healths = []string{"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"}

// codes are the words for how a call may have ended, by number.
var codes = []string{
	"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
	"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
	"INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
}

// named is the word for a number, or the number where there is none.
func named(words []string, n uint64) string {
	if n < uint64(len(words)) {
		return words[n]
	}
	return strconv.FormatUint(n, 10)
}

// grpc is a success when the service calls itself serving.
func (d Doer) grpc(ctx context.Context, g pod.GRPC) Result {
	health, err := d.check(ctx, g)
	switch {
	case err != nil:
		return failure(err)
	case health != serving:
		return Result{Failure, "the service is " + named(healths, health)}
	}
	return Result{Outcome: Success}
}

// check asks for the health of a service over a connection of its own, without TLS.
func (d Doer) check(ctx context.Context, g pod.GRPC) (health uint64, err error) {
	req, err := d.checkRequest(ctx, g)
	if err != nil {
		return 0, fmt.Errorf("cannot ask: %w", err)
	}
	plain := http.Transport{Protocols: new(http.Protocols), DisableCompression: true, DisableKeepAlives: true}
	plain.Protocols.SetUnencryptedHTTP2(true)
	res, err := plain.RoundTrip(req)
	if err != nil {
		return 0, fmt.Errorf("cannot speak gRPC with port %d: %w", g.Port, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	if err != nil {
		return 0, fmt.Errorf("answered %s, but not to its end: %w", res.Status, err)
	}
	if err := ended(res); err != nil {
		return 0, err
	}
	return healthIn(body)
}

// checkRequest is the call as HTTP/2 carries it.
func (d Doer) checkRequest(ctx context.Context, g pod.GRPC) (*http.Request, error) {
	to := "http://" + address("", g.Port) + healthCheck
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(asking(g.Service)))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("TE", "trailers")
	req.Header.Set("User-Agent", d.agent("probe"))
	return req, nil
}

// asking is a HealthCheckRequest behind its frame: not compressed, its length, and
// the service as field 1, left out when empty.
func asking(service string) []byte {
	var message []byte
	if service != "" {
		const field1 = 1<<3 | 2 // of a length and bytes
		message = binary.AppendUvarint([]byte{field1}, uint64(len(service)))
		message = append(message, service...)
	}
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
}

// ended says how a call has ended, if not well. The answer has to be read by now, as
// that comes behind it, or in front when there is nothing else to say.
func ended(res *http.Response) error {
	code := cmp.Or(res.Trailer.Get("Grpc-Status"), res.Header.Get("Grpc-Status"))
	n, err := strconv.ParseUint(code, 10, 32)
	switch {
	case err != nil:
		return fmt.Errorf("answered %s, which is not gRPC", res.Status)
	case n != 0:
		said := cmp.Or(res.Trailer.Get("Grpc-Message"), res.Header.Get("Grpc-Message"))
		return errors.New(with("answered "+named(codes, n), unescaped(said)))
	}
	return nil
}

// unescaped is a text that came with percent signs for what headers cannot hold.
func unescaped(text string) string {
	if plain, err := url.PathUnescape(text); err == nil {
		return plain
	}
	return text
}

// errNotHealth is about bytes that are no HealthCheckResponse.
var errNotHealth = errors.New("the answer is not understood")

// healthIn reads a HealthCheckResponse behind its frame. It has one field, a number,
// which is left out when it is 0.
func healthIn(body []byte) (uint64, error) {
	const frame, field1 = 5, 1 << 3 // field1 of a number
	if len(body) < frame || body[0] != 0 || uint64(binary.BigEndian.Uint32(body[1:])) != uint64(len(body)-frame) {
		return 0, errNotHealth
	}
	message := body[frame:]
	if len(message) == 0 {
		return 0, nil
	}
	health, n := binary.Uvarint(message[1:])
	if message[0] != field1 || n <= 0 {
		return 0, errNotHealth
	}
	return health, nil
}
