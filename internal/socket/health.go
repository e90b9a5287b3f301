package socket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
)

// HealthPath is where the supervisor answers with the pod's health, in a word.
const HealthPath = "/v1/health"

// longest is how many bytes of an answer are read. One has some two hundred.
const longest = 4 << 10

// Health asks the supervisor of this container how its pod is: starting, healthy
// or unhealthy. It gives up when ctx is done.
func Health(ctx context.Context) (string, error) {
	answer, err := ask(ctx, HealthPath)
	if err != nil {
		return "", fmt.Errorf("cannot ask the supervisor: %w", err)
	}
	return health(answer)
}

// ask sends a request in HTTP/1.0, which ends with its connection, and returns the answer.
// It is written by hand as package net/http alone takes longer to start than this takes.
func ask(ctx context.Context, path string) (string, error) {
	conn, err := Dial(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })() // cuts what waits for an answer
	answer, err := exchange(conn, "GET "+path+" HTTP/1.0\r\n\r\n")
	if err != nil && ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	return answer, err
}

// exchange sends a request and reads until the other side has no more to say.
func exchange(conn net.Conn, request string) (string, error) {
	if _, err := io.WriteString(conn, request); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(io.LimitReader(conn, longest))
	return string(answer), err
}

// health is the word in an answer with the status 200. Any other status has its reason
// in place of the word.
func health(answer string) (string, error) {
	head, body, whole := strings.Cut(answer, "\r\n\r\n")
	status, _, _ := strings.Cut(head, "\r\n")
	fields := strings.Fields(status)
	body = strings.TrimSpace(body)
	switch {
	case !whole || len(fields) < 2 || !strings.HasPrefix(fields[0], "HTTP/"):
		return "", fmt.Errorf("cannot read the supervisor's answer: %q", answer)
	case fields[1] != "200":
		return "", errors.New(body)
	}
	return body, nil
}
