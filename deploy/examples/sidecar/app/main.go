// Command app is the shop of the sidecar example: a web server that counts the
// pages it makes. It listens on the pod's own loopback only, so nobody reaches it
// but through a component that shares its network; it knows nothing of that one.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

// address is where the app listens: reachable from within the pod alone.
const address = "127.0.0.1:8080"

// grace is how long requests that are under way may take once the app is asked to end.
const grace = 5 * time.Second

func main() {
	log.SetFlags(0)
	check := flag.Bool("check", false, "ask the running app for its health and exit 0 when it is well")
	flag.Parse()
	if err := run(*check); err != nil {
		log.Fatalf("app: %v", err)
	}
}

// run is main with an error to return.
func run(check bool) error {
	if check {
		return healthy("http://" + address + "/health")
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("cannot listen: %w", err)
	}
	log.Printf("listening on %s", address)
	return serve(ctx, listener)
}

// serve answers on the listener until ctx ends, then finishes what is under way.
func serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{Handler: shop(time.Now), ReadHeaderTimeout: grace}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()

	select {
	case err := <-done:
		return fmt.Errorf("cannot serve: %w", err)
	case <-ctx.Done():
	}
	log.Print("closing")
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	return errors.Join(server.Shutdown(ending), ignoreClosed(<-done))
}

// ignoreClosed is err, or nil when err only says that the server was asked to close.
func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// shop makes the pages. Each has a number and the time it was made, so whoever
// reads one can tell a fresh page from a kept one.
func shop(now func() time.Time) http.Handler {
	var made atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "well")
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		page := made.Add(1)
		log.Printf("made page %d", page)
		fmt.Fprintf(w, "Welcome to the shop.\nThis is page %d, made at %s.\n", page, now().UTC().Format(time.TimeOnly))
	})
	return mux
}

// healthy asks the app at url whether it is well.
func healthy(url string) error {
	client := http.Client{Timeout: time.Second}
	answer, err := client.Get(url)
	if err != nil {
		return fmt.Errorf("cannot check health: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("cannot check health: the answer is %s", answer.Status)
	}
	return nil
}
