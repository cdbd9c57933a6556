// Package nginx has the tests that put a real nginx with a page cache in front of a Gin program with
// sessions. There is nothing in it to import.
package nginx
