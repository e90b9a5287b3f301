package probe

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/podlike/podlike/internal/pod"
)

const (
	// maxBody is how much of an answer is read, as the kubelet does.
	maxBody = 10 << 10
	// maxRedirects is how many are followed.
	maxRedirects = 10
)

// http is a success when the code is from 200 to 399. One from 300 on is left where a
// redirect was not followed, of which the message warns.
func (d Doer) http(ctx context.Context, h pod.HTTPGet) Result {
	res, err := d.get(ctx, h, "probe")
	if err != nil {
		return failure(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	if err != nil {
		return Result{Failure, fmt.Sprintf("answered %s, but not to its end: %v", res.Status, err)}
	}
	return judged(res, string(body))
}

// judged is what an answer means.
func judged(res *http.Response, body string) Result {
	switch code := res.StatusCode; {
	case code < 200 || code >= 400:
		return Result{Failure, with("answered "+res.Status, body)}
	case code >= 300:
		return Result{Success, with("answered "+res.Status+", which is not followed", res.Header.Get("Location"))}
	}
	return Result{Outcome: Success}
}

// get sends the request and returns the last answer, whose body is to be closed.
// Certificates are not verified, as theirs are names from outside of the pod, and the
// supervisor's own proxy is not for the pod's components.
func (d Doer) get(ctx context.Context, h pod.HTTPGet, purpose string) (*http.Response, error) {
	req, err := d.request(ctx, h, purpose)
	if err != nil {
		return nil, err
	}
	client := http.Client{
		CheckRedirect: follow,
		Transport: &http.Transport{
			DisableCompression: true,
			DisableKeepAlives:  true,
			ForceAttemptHTTP2:  true, // what has TLS may speak nothing else
			TLSClientConfig:    &tls.Config{InsecureSkipVerify: true},
		},
	}
	return client.Do(req)
}

// follow stays with the host that was asked. Everything else leaves the redirect
// itself as the answer.
func follow(next *http.Request, before []*http.Request) error {
	if len(before) > maxRedirects || next.URL.Hostname() != before[0].URL.Hostname() {
		return http.ErrUseLastResponse
	}
	return nil
}

// request is what to send. Headers that are not given are as the kubelet has them,
// with our name for its.
func (d Doer) request(ctx context.Context, h pod.HTTPGet, purpose string) (*http.Request, error) {
	url := cmp.Or(h.Scheme, "http") + "://" + address(h.Host, h.Port) + rooted(h.Path)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("cannot ask: %w", err)
	}
	req.Header.Set("User-Agent", d.agent(purpose))
	req.Header.Set("Accept", "*/*")
	replace(req.Header, h.Headers)
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	return req, nil
}

// agent is who we are, to servers.
func (d Doer) agent(purpose string) string {
	return "podlike-" + purpose + "/" + d.Version
}

// rooted is path with a slash in front.
func rooted(path string) string {
	return "/" + strings.TrimPrefix(path, "/")
}

// replace sets headers over those that are there. A name may come more than once. An
// empty Accept is sent as none; what an empty User-Agent is net/http knows.
func replace(to http.Header, headers []pod.Header) {
	for _, h := range headers {
		to.Del(h.Name)
	}
	for _, h := range headers {
		to.Add(h.Name, h.Value)
	}
	if to.Get("Accept") == "" {
		to.Del("Accept")
	}
}

// call sends the request of a hook. Whatever the answer is, it has been heard: the
// kubelet does not look at the code either.
func (d Doer) call(ctx context.Context, h pod.HTTPGet) error {
	res, err := d.get(ctx, h, "lifecycle")
	if err != nil {
		return err
	}
	return res.Body.Close()
}
