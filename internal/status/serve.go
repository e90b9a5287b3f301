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
)

// The paths are versioned: what is at one of them may get more fields, and no others.
const (
	healthPath = "/v1/health" // a word
	statusPath = "/v1/status" // a Pod
	eventsPath = "/v1/events" // a toldEvent a line; ?follow=true
	logsPath   = "/v1/logs"   // a toldLine a line; ?component=NAME&previous=true&since=TIME&follow=true
)

const (
	// brief is how long anything may take that is no stream.
	brief = 5 * time.Second
	// farewell is what streams get at the end to pass on what they have.
	farewell = 200 * time.Millisecond
)

// A Source knows the pod. It is asked with each request, by several at once.
type Source interface {
	// Health is starting, healthy or unhealthy.
	Health() string
	Status() Pod
	Events() *event.Ring
	Logs() *logbuffer.Buffer
}

// Serve answers until ctx is done. Those who follow get what there is until then.
func Serve(ctx context.Context, l net.Listener, s Source) error {
	var inside gate
	server := &http.Server{
		Handler: inside.guard(handler(s)), ReadHeaderTimeout: brief, WriteTimeout: brief,
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
func handler(s Source) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+healthPath, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintln(w, s.Health()) // who asked may have gone
	})
	mux.HandleFunc("GET "+statusPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = encoder(w).Encode(s.Status())
	})
	mux.HandleFunc("GET "+eventsPath, func(w http.ResponseWriter, r *http.Request) { serveEvents(w, r, s.Events()) })
	mux.HandleFunc("GET "+logsPath, func(w http.ResponseWriter, r *http.Request) { serveLogs(w, r, s) })
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

func serveEvents(w http.ResponseWriter, r *http.Request, ring *event.Ring) {
	follow, err := boolean(r.URL.Query(), "follow")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f := ring.Follow()
	stream(w, r, follow, f.Wait, func(tell func(any)) {
		events, lost := f.Read()
		if lost > 0 {
			tell(toldEvent{Lost: lost})
		}
		for i := range events {
			tell(toldEvent{Event: &events[i]})
		}
	})
}

// A toldLine is a logbuffer.Line in JSON. Text that is no UTF-8 is in Raw.
type toldLine struct {
	At        time.Time        `json:"time,omitzero"`
	Component string           `json:"component"`
	Stream    logbuffer.Stream `json:"stream,omitempty"`
	Text      string           `json:"line"`
	Raw       []byte           `json:"raw,omitempty"`
	Partial   bool             `json:"partial,omitempty"`
	Lost      int              `json:"lost,omitempty"`
}

func serveLogs(w http.ResponseWriter, r *http.Request, s Source) {
	q, err := parseQuery(r.URL.Query())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	book := s.Logs()
	if err := q.lacks(book, s.Status()); err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	f := book.Follow(q.Component, q.Previous, q.Since)
	stream(w, r, q.Follow && !q.Previous, f.Wait, func(tell func(any)) {
		for lines := f.Read(); len(lines) > 0; lines = f.Read() {
			for _, l := range lines {
				tell(told(l))
			}
		}
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
func (q LogQuery) lacks(book *logbuffer.Buffer, p Pod) error {
	runs := book.Runs(q.Component)
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

// stream tells what there is and, where it is followed, what comes, until who asked
// has gone or the server ends. However slowly it is read, nobody else waits for that.
func stream(w http.ResponseWriter, r *http.Request, follow bool, wait func(context.Context) error, read func(tell func(any))) {
	control := http.NewResponseController(w)
	if err := control.SetWriteDeadline(time.Time{}); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	var gone error
	to := encoder(w)
	tell := func(v any) {
		if gone == nil {
			gone = to.Encode(v)
		}
	}
	for {
		read(tell)
		if !follow || gone != nil || control.Flush() != nil {
			return
		}
		if wait(r.Context()) != nil {
			read(tell) // what has come until the end
			return
		}
	}
}
