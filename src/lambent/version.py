"""The version of Lambent; a test compares it with the package's metadata and the changelog."""

VERSION = "0.1.0"
