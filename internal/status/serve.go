package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/logbuffer"
	"github.com/podlike/podlike/internal/socket"
)

// The paths are versioned: what is at one of them may get more fields, and no others.
// That of the health, a word, is in package socket.
const (
	statusPath   = "/v1/status"   // a Pod
	eventsPath   = "/v1/events"   // a toldEvent a line; ?follow=true
	handoverPath = "/v1/handover" // to post to, without a body
	logsPath     = "/v1/logs"     // a toldLine a line; ?component=NAME&previous=true&since=TIME&follow=true
)

const (
	// brief is how long anything may take that is no stream.
	brief = 5 * time.Second
	// farewell is what streams get at the end to pass on what they have.
	farewell = 200 * time.Millisecond
	// maxStreams is how many may read events or lines at the same time. Each needs some
	// 200 KiB, and who asks is in the supervisor's own container: people, and a few programs.
	maxStreams = 16
	// unread is how long one who reads events or lines may read nothing, before the
	// connection is closed. It is for as long as somebody may look at one page of them.
	unread = time.Minute
)

// A Source knows the pod. It is asked with each request, by several at once.
type Source interface {
	// Health is starting, healthy or unhealthy.
	Health() string
	Status() Pod
	// Handover has the next clean stop leave the components running. Its error says why it
	// cannot.
	Handover() error
	Events() *event.Ring
	Logs() *logbuffer.Buffer
}

// Serve answers until ctx is done. Those who follow get what there is until then.
func Serve(ctx context.Context, l net.Listener, s Source) error {
	return server{Source: s, unread: unread, streams: make(chan struct{}, maxStreams)}.serve(ctx, l)
}

// A server answers for a Source.
type server struct {
	Source
	unread  time.Duration
	streams chan struct{} // has one in it for each that is open
}

func (s server) serve(ctx context.Context, l net.Listener) error {
	var inside gate
	server := &http.Server{
		Handler: inside.guard(s.handler()), ReadHeaderTimeout: brief, WriteTimeout: brief, IdleTimeout: brief,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	over := make(chan error, 1)
	var serving sync.WaitGroup
	serving.Go(func() { over <- server.Serve(l) })
	var err error
	select {
	case err = <-over:
		err = fmt.Errorf("cannot serve the status: %w", err)
	case <-ctx.Done():
	}
	moment, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	_ = server.Shutdown(moment) // who does not take what is theirs by then
	_ = server.Close()          // does not get it
	serving.Wait()
	inside.close()
	return err
}

// A gate lets requests in until it is closed, which waits until all are out.
type gate struct {
	mu     sync.Mutex
	closed bool
	inside sync.WaitGroup
}

func (g *gate) guard(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.enter() {
			defer g.inside.Done()
			h.ServeHTTP(w, r)
		}
	})
}

func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.inside.Add(1)
	}
	return !g.closed
}

func (g *gate) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.inside.Wait()
}

// handler answers each path.
func (s server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+socket.HealthPath, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintln(w, s.Health()) // who asked may have gone
	})
	mux.HandleFunc("GET "+statusPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = encoder(w).Encode(s.Status())
	})
	mux.HandleFunc("POST "+handoverPath, func(w http.ResponseWriter, _ *http.Request) {
		if err := s.Handover(); err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
		}
	})
	mux.HandleFunc("GET "+eventsPath, s.serveEvents)
	mux.HandleFunc("GET "+logsPath, s.serveLogs)
	return mux
}

// encoder writes JSON for people and programs, and not for web pages.
func encoder(w http.ResponseWriter) *json.Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e
}

// A toldEvent is an event, or says how many are missing before the next.
type toldEvent struct {
	*event.Event
	Lost int `json:"lost,omitempty"`
}

func (s server) serveEvents(w http.ResponseWriter, r *http.Request) {
	follow, err := boolean(r.URL.Query(), "follow")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f := s.Events().Follow()
	s.stream(w, r, follow, f.Wait, func(tell func(any)) bool {
		events, lost := f.Read()
		if lost > 0 {
			tell(toldEvent{Lost: lost})
		}
		for i := range events {
			tell(toldEvent{Event: &events[i]})
		}
		return len(events) > 0
	})
}

// A toldLine is an logbuffer.Line in JSON. Text that is no UTF-8 is in Raw.
type toldLine struct {
	At        time.Time        `json:"time,omitzero"`
	Component string           `json:"component"`
	Stream    logbuffer.Stream `json:"stream,omitempty"`
	Text      string           `json:"line"`
	Raw       []byte           `json:"raw,omitempty"`
	Partial   bool             `json:"partial,omitempty"`
	Lost      int              `json:"lost,omitempty"`
}

func (s server) serveLogs(w http.ResponseWriter, r *http.Request) {
	q, err := parseQuery(r.URL.Query())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	buffer := s.Logs()
	if err := q.lacks(buffer, s.Status()); err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	f := buffer.Follow(q.Component, q.Previous, q.Since)
	s.stream(w, r, q.Follow && !q.Previous, f.Wait, func(tell func(any)) bool {
		lines := f.Read()
		for _, l := range lines {
			tell(told(l))
		}
		return len(lines) > 0
	})
}

// A LogQuery says which lines of output are wanted.
type LogQuery struct {
	// Component is a name. Empty: all.
	Component string
	// Previous: of the run before this one, which is over, so there is nothing to follow.
	Previous bool
	// Since leaves out what is older.
	Since time.Time
	// Follow: go on with what is said from now on, also after a restart.
	Follow bool
}

// lacks says what is wanted that is not there.
func (q LogQuery) lacks(buffer *logbuffer.Buffer, p Pod) error {
	runs := buffer.Runs(q.Component)
	switch {
	case q.Component == "":
	case runs == 0 && !slices.Contains(names(p), q.Component):
		return fmt.Errorf("no component is called %s; there are: %s", q.Component, strings.Join(names(p), ", "))
	case q.Previous && runs < 2:
		return fmt.Errorf("%s was not restarted, so there is no previous output", q.Component)
	}
	return nil
}

// names are those of a pod's components.
func names(p Pod) []string {
	var all []string
	for _, c := range p.Components {
		all = append(all, c.Name)
	}
	return all
}

// values are the query as it is sent.
func (q LogQuery) values() url.Values {
	v := url.Values{"previous": {strconv.FormatBool(q.Previous)}, "follow": {strconv.FormatBool(q.Follow)}}
	if q.Component != "" {
		v.Set("component", q.Component)
	}
	if !q.Since.IsZero() {
		v.Set("since", q.Since.Format(time.RFC3339Nano))
	}
	return v
}

func parseQuery(v url.Values) (q LogQuery, err error) {
	var wrong [3]error
	q.Component = v.Get("component")
	q.Previous, wrong[0] = boolean(v, "previous")
	q.Follow, wrong[1] = boolean(v, "follow")
	if since := v.Get("since"); since != "" {
		if q.Since, err = time.Parse(time.RFC3339Nano, since); err != nil {
			wrong[2] = fmt.Errorf("since: %s is no time such as 2006-01-02T15:04:05Z", since)
		}
	}
	return q, errors.Join(wrong[:]...)
}

// boolean is a value of a query that is true or false, or not there.
func boolean(v url.Values, name string) (bool, error) {
	text := v.Get(name)
	if text == "" {
		return false, nil
	}
	b, err := strconv.ParseBool(text)
	if err != nil {
		return false, fmt.Errorf("%s: %s is neither true nor false", name, text)
	}
	return b, nil
}

// stream tells what there is and, where it is followed, what comes, until who asked has
// gone or the server ends. read tells some of it, and false when there is nothing more for
// now. However slowly it is read, nobody else waits for that; who reads nothing at all
// for too long is let go.
func (s server) stream(w http.ResponseWriter, r *http.Request, follow bool, wait func(context.Context) error, read func(tell func(any)) bool) {
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		http.Error(w, fmt.Sprintf("%d read events or lines already, and more may not at the same time", cap(s.streams)), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	control, to := http.NewResponseController(w), encoder(w)
	var gone error
	tell := func(v any) {
		if gone == nil {
			gone = to.Encode(v)
		}
	}
	all := func() bool { // tells whether it was read
		for more := true; more && gone == nil; {
			gone = control.SetWriteDeadline(time.Now().Add(s.unread))
			if more = read(tell); gone == nil {
				gone = control.Flush()
			}
		}
		return gone == nil
	}
	for all() && follow {
		if wait(r.Context()) != nil {
			all() // what has come until the end
			return
		}
	}
}
