package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func answer(path string) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	request, _ := http.NewRequest(http.MethodGet, path, nil)
	router().ServeHTTP(recorder, request)
	return recorder
}

func TestTotal(t *testing.T) {
	if got := Total(3, 4); got != 12 {
		t.Fatalf("Total(3, 4) = %d", got)
	}
}

func TestANumberIsNeeded(t *testing.T) {
	if got := answer("/total/x/2").Code; got != http.StatusBadRequest {
		t.Fatalf("status %d", got)
	}
}
