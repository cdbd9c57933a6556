// Package websocket has the tests of docs/recipes.md that need websocket libraries. There is nothing
// in it to import.
package websocket
