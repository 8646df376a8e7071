package main

// A proxy between the provider and the server, which notes the requests and their responses.

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"sync"
)

// exchange is a request of the provider with its response.
type exchange struct {
	Of       string            `json:"of"`
	Method   string            `json:"method"`
	Path     string            `json:"path"`
	Headers  map[string]string `json:"headers"`
	Body     string            `json:"body"`
	Status   int               `json:"status"`
	Response string            `json:"response"`
}

// noted are the headers that the server reads, apart from those that sign a request.
var noted = []string{"Content-Type", "User-Agent", "X-Project-Id", "X-Domain-Id"}

// recorder notes what passes, under the name of what sends it, or under `apart` where that is set.
type recorder struct {
	mutex     sync.Mutex
	of        string
	apart     string
	exchanges []exchange
	endpoint  string
	proxy     httputil.ReverseProxy
}

func record(target string) *recorder {
	to := must(url.Parse(target))
	r := &recorder{}
	r.proxy.Rewrite = func(request *httputil.ProxyRequest) {
		request.SetURL(to)
		// The name of the host is part of what the provider signs.
		request.Out.Host = request.In.Host
	}
	r.endpoint = httptest.NewServer(r).URL
	return r
}

func (r *recorder) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	body, _ := io.ReadAll(request.Body)
	request.Body = io.NopCloser(bytes.NewReader(body))
	seen := httptest.NewRecorder()
	r.proxy.ServeHTTP(seen, request)
	response := seen.Result()
	text, _ := io.ReadAll(response.Body)
	headers := map[string]string{}
	for _, name := range noted {
		if value := request.Header.Get(name); value != "" {
			headers[name] = value
		}
	}
	r.mutex.Lock()
	of := r.of
	if r.apart != "" {
		of = r.apart
	}
	r.exchanges = append(r.exchanges, exchange{
		of, request.Method, request.URL.RequestURI(), headers, string(body), response.StatusCode, string(text),
	})
	r.mutex.Unlock()
	for name, values := range response.Header {
		writer.Header()[name] = values
	}
	writer.WriteHeader(response.StatusCode)
	_, _ = writer.Write(text)
}

// by names the resource or data source that sends what follows.
func (r *recorder) by(of string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.of = of
}

// write puts what was noted into a file.
func (r *recorder) write(path string) error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	text, err := json.MarshalIndent(r.exchanges, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}
