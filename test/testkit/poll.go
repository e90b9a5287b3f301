package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"
)

// poll is a client that asks a URL again and again, as many do: every request finds out anew
// whose name that is, goes to one of the addresses and is not repeated. It prints each
// failure and in the end how it was.
func poll(args []string) int {
	url, every, during := word(args, 0), duration(args, "every"), duration(args, "for")
	if url == "" || every <= 0 || during <= 0 {
		return usage("poll needs a URL, `every` and `for`")
	}
	p := &polling{url: url, asked: map[string]int{}}
	fmt.Println("polling")
	var requests sync.WaitGroup
	beat := time.NewTicker(every)
	defer beat.Stop()
	for end := time.Now().Add(during); time.Now().Before(end); <-beat.C {
		requests.Go(p.once)
	}
	requests.Wait()
	fmt.Printf("%d requests, %d failed, %d addresses, slowest %v\n", p.requests, p.failed, len(p.asked), p.slowest.Round(time.Millisecond))
	if p.failed > 0 {
		return 1
	}
	return 0
}

// A polling is what has become of some requests.
type polling struct {
	url string

	mu               sync.Mutex
	requests, failed int
	slowest          time.Duration
	asked            map[string]int // how often, by address
}

// once makes one request.
func (p *polling) once() {
	began := time.Now()
	address, err := p.request()
	took := time.Since(began)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests++
	p.asked[address]++
	p.slowest = max(p.slowest, took)
	if err != nil {
		p.failed++
		fmt.Printf("%s after %v, %s: %v\n", began.UTC().Format("15:04:05.000"), took.Round(time.Millisecond), address, err)
	}
}

// request is a request on a connection of its own, to one of the addresses that the name has
// now. Go's own dialer would try the others too, and so hide that one does not answer.
func (p *polling) request() (address string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	dial := func(ctx context.Context, kind, to string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(to)
		if err != nil {
			return nil, err
		}
		found, err := net.DefaultResolver.LookupIP(ctx, "ip4", host)
		if err != nil {
			return nil, err
		}
		address = found[rand.IntN(len(found))].String()
		return new(net.Dialer).DialContext(ctx, kind, net.JoinHostPort(address, port))
	}
	client := http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url, nil)
	if err != nil {
		return "", err
	}
	answer, err := client.Do(r)
	if err != nil {
		return address, err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return address, err
	}
	if answer.StatusCode/100 != 2 {
		return address, fmt.Errorf("the answer is %s", answer.Status)
	}
	return address, nil
}
