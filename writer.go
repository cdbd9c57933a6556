package ginsession

import (
	"bufio"
	"net"
	"net/http"
)

// A writer is what the handlers write to. It commits the session before the response's first
// byte, whichever way that byte goes out. If the response has been replaced, the handlers' writes
// fail.
type writer struct{ request }

// Unwrap is for http.ResponseController, which finds the deadlines beneath.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader sets the status, which Gin sends with the first byte. An informational answer
// (RFC 9110 §15.2) goes out at once, as net/http has it, and leaves the real one to come.
func (w *writer) WriteHeader(code int) {
	if w.failure != nil {
		return
	}
	w.informed = code >= 100 && code < 200 && code != http.StatusSwitchingProtocols
	if w.informed {
		w.inform(code)
		return
	}
	w.ResponseWriter.WriteHeader(code)
}

// inform sends an informational answer past Gin's writer, which knows of one answer only.
func (w *writer) inform(code int) {
	var beneath http.ResponseWriter = w.ResponseWriter
	for {
		wrapper, ok := beneath.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			break
		}
		beneath = wrapper.Unwrap()
	}
	beneath.WriteHeader(code)
}

func (w *writer) WriteHeaderNow() {
	if w.informed {
		w.informed = false
		return
	}
	if w.commit() == nil {
		w.ResponseWriter.WriteHeaderNow()
	}
}

func (w *writer) Write(b []byte) (int, error) {
	if err := w.commit(); err != nil {
		return 0, err
	}
	return w.ResponseWriter.Write(b)
}

func (w *writer) WriteString(s string) (int, error) {
	if err := w.commit(); err != nil {
		return 0, err
	}
	return w.ResponseWriter.WriteString(s)
}

func (w *writer) Flush() { _ = w.FlushError() }

// FlushError is http.ResponseController's Flush.
func (w *writer) FlushError() error {
	if err := w.commit(); err != nil {
		return err
	}
	w.ResponseWriter.WriteHeaderNow()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack commits first: what the session was changed to is saved, but a new session is not
// begun, for its cookie could not be sent. Save it and send Manager.Cookie with the handshake.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.hijacking = true
	if err := w.commit(); err != nil {
		return nil, nil, err
	}
	return w.ResponseWriter.Hijack()
}

// Push is HTTP/2's server push, as http.Pusher has it.
func (w *writer) Push(target string, options *http.PushOptions) error {
	if pusher := w.Pusher(); pusher != nil {
		return pusher.Push(target, options)
	}
	return http.ErrNotSupported
}
