package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

func TestPollTellsOfEveryRequestThatFails(t *testing.T) {
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if requests.Add(1)%5 == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	for _, c := range []struct {
		why, url string
		code     int
		wants    []string
	}{
		{"of each answer that is none", server.URL, 1, []string{"polling\n", "127.0.0.1: the answer is 503 Service Unavailable\n", " 1 addresses, "}},
		{"and of each connection", "http://127.0.0.1:1/", 1, []string{"connection refused"}},
		{"all is well elsewhere", server.URL + "/", 0, []string{"1 requests, 0 failed, 1 addresses, "}},
		{"without a rate there is no polling", "", 2, nil},
	} {
		requests.Store(0)
		args := []string{"poll", c.url, "every", "1ms", "for", "50ms"}
		if c.code == 0 {
			args = []string{"poll", c.url, "every", "500ms", "for", "450ms"}
		}
		var stdout bytes.Buffer
		cmd := testkit(t, args...)
		cmd.Stdout = &stdout
		cmd.Run()
		if code := cmd.ProcessState.ExitCode(); code != c.code {
			t.Errorf("exited with %d, want %d: %s\n%s", code, c.code, c.why, stdout.String())
		}
		for _, want := range c.wants {
			if !strings.Contains(stdout.String(), want) {
				t.Errorf("printed %q, want %q: %s", stdout.String(), want, c.why)
			}
		}
	}
}
