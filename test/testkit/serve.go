package main

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// serve answers HTTP at an address until it gets a signal.
func serve(args []string) int {
	address := word(args, 0)
	if address == "" {
		return usage("serve needs an address, such as :8080")
	}
	stop := signals()
	ended := make(chan error, 1)
	go func() { ended <- http.ListenAndServe(address, site()) }()
	select {
	case err := <-ended:
		return failed(err)
	case <-stop: // the goroutine ends with the process
		return 0
	}
}

// site is what serve answers. After /fail every page but the switches is a 500.
func site() http.Handler {
	var broken atomic.Bool
	mux := http.NewServeMux()
	mux.HandleFunc("/fail", func(w http.ResponseWriter, _ *http.Request) { broken.Store(true) })
	mux.HandleFunc("/ok", func(w http.ResponseWriter, _ *http.Request) { broken.Store(false) })
	mux.HandleFunc("/exit", exitPage)
	mux.HandleFunc("/env", unless(&broken, envPage))
	mux.HandleFunc("/file", unless(&broken, filePage))
	mux.HandleFunc("/status", unless(&broken, statusPage))
	mux.HandleFunc("/redirect", unless(&broken, redirectPage))
	mux.HandleFunc("/slow", unless(&broken, slowPage))
	mux.HandleFunc("/", unless(&broken, homePage))
	return mux
}

// unless is a page that fails while broken is set.
func unless(broken *atomic.Bool, page http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if broken.Load() {
			http.Error(w, "failing, as asked", http.StatusInternalServerError)
			return
		}
		page(w, r)
	}
}

func homePage(w http.ResponseWriter, _ *http.Request) {
	host, _ := os.Hostname()
	fmt.Fprintf(w, "testkit on %s\n", host)
}

func envPage(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(w, strings.Join(os.Environ(), "\n"))
}

func filePage(w http.ResponseWriter, r *http.Request) {
	content, err := os.ReadFile(r.FormValue("path"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	w.Write(content)
}

// statusPage answers with the code that is asked for.
func statusPage(w http.ResponseWriter, r *http.Request) {
	code, err := strconv.Atoi(r.FormValue("code"))
	if err != nil || code < 200 || code > 999 {
		http.Error(w, "code: not one of an answer", http.StatusBadRequest)
		return
	}
	w.WriteHeader(code)
	fmt.Fprintln(w, code, "as asked") // an error for a code without a body
}

// redirectPage sends elsewhere, or to itself for ever.
func redirectPage(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, cmp.Or(r.FormValue("to"), "/redirect"), http.StatusFound)
}

// slowPage takes its time, or as long as somebody waits.
func slowPage(w http.ResponseWriter, r *http.Request) {
	pause, err := time.ParseDuration(r.FormValue("for"))
	if err != nil {
		http.Error(w, "for: not a duration", http.StatusBadRequest)
		return
	}
	select {
	case <-r.Context().Done():
	case <-time.After(pause):
		fmt.Fprintln(w, "after", pause)
	}
}

// exitPage ends the process once its answer is on the way.
func exitPage(w http.ResponseWriter, r *http.Request) {
	code, err := strconv.Atoi(r.FormValue("code"))
	if err != nil {
		http.Error(w, "code: not a number", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Length", "0")
	http.NewResponseController(w).Flush()
	os.Exit(code)
}

// get prints what a URL answers.
func get(args []string) int {
	client := http.Client{Timeout: 2 * time.Second}
	answer, err := client.Get(word(args, 0))
	if err != nil {
		return failed(err)
	}
	defer answer.Body.Close()
	if _, err := io.Copy(os.Stdout, answer.Body); err != nil {
		return failed(err)
	}
	if answer.StatusCode/100 != 2 {
		return failed(fmt.Errorf("the answer is %s", answer.Status))
	}
	return 0
}
