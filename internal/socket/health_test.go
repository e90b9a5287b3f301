package socket

import "testing"

// Package status tests the socket with both of its sides.
func TestHealthIsTheWordOfAGoodAnswer(t *testing.T) {
	for name, test := range map[string]struct{ why, answer, want, wrong string }{
		"Word":     {"the body without its line's end", "HTTP/1.0 200 OK\r\nDate: now\r\n\r\nhealthy\n", "healthy", ""},
		"Refused":  {"the reason is in the body", "HTTP/1.0 404 Not Found\r\n\r\n404 page not found\n", "", "404 page not found"},
		"Cut":      {"the supervisor ended before it had said all", "HTTP/1.0 200 OK\r\nDa", "", `cannot read the supervisor's answer: "HTTP/1.0 200 OK\r\nDa"`},
		"Nothing":  {"the supervisor ended before it said anything", "", "", `cannot read the supervisor's answer: ""`},
		"NotHTTP":  {"whoever it is, it is no supervisor", "SSH-2.0 200\r\n\r\nhealthy", "", `cannot read the supervisor's answer: "SSH-2.0 200\r\n\r\nhealthy"`},
		"NoStatus": {"a line without a status is none", "HTTP/1.0\r\n\r\nhealthy", "", `cannot read the supervisor's answer: "HTTP/1.0\r\n\r\nhealthy"`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := health(test.answer)
			wrong := ""
			if err != nil {
				wrong = err.Error()
			}
			if got != test.want || wrong != test.wrong {
				t.Errorf("%s: got %q, %q; want %q, %q", test.why, got, wrong, test.want, test.wrong)
			}
		})
	}
}
