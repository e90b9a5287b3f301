package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestEachPageTellsItsNumberAndTime(t *testing.T) {
	noon := func() time.Time { return time.Date(2000, 1, 1, 12, 0, 0, 0, time.UTC) }
	server := httptest.NewServer(shop(noon))
	defer server.Close()

	for _, want := range []string{
		"Welcome to the shop.\nThis is page 1, made at 12:00:00.\n",
		"Welcome to the shop.\nThis is page 2, made at 12:00:00.\n",
	} {
		if got := fetch(t, server.URL); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestCheckTellsWhetherTheAppIsWell(t *testing.T) {
	well := httptest.NewServer(shop(time.Now))
	defer well.Close()
	broken := httptest.NewServer(http.NotFoundHandler())
	defer broken.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()

	for _, c := range []struct {
		why, url string
		well     bool
	}{
		{"an app that answers is well", well.URL, true},
		{"any other answer is a failure", broken.URL, false},
		{"no answer is a failure", gone.URL, false},
	} {
		if err := healthy(c.url + "/health"); (err == nil) != c.well {
			t.Errorf("%s: got %v", c.why, err)
		}
	}
}

func TestTheAppEndsWithoutAnErrorWhenAsked(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, ask := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- serve(ctx, listener) }()

	fetch(t, "http://"+listener.Addr().String())
	ask()
	if err := <-done; err != nil {
		t.Errorf("got %v", err)
	}
}

// fetch is the text of the page at url.
func fetch(t *testing.T, url string) string {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
