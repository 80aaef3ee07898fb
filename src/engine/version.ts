/** As what the engine presents itself: Debian 12's docker.io. */

export const ENGINE_VERSION = "20.10.24+dfsg1";
export const GIT_COMMIT = "5d6db84";
export const GO_VERSION = "go1.19.8";
export const BUILD_TIME = "2026-05-07T21:09:36.000000000+00:00";
/** What is told to clients. */
export const API_VERSION = "1.41";
/** What is taken from them: the additions up to here are spoken where they are only additions. */
export const API_MAX = "1.47";
export const API_MIN = "1.12";
export const CONTAINERD_VERSION = "1.6.20~ds1";
export const CONTAINERD_COMMIT = "1.6.20~ds1-1+deb12u3";
export const RUNC_VERSION = "1.1.5+ds1";
export const RUNC_COMMIT = "1.1.5+ds1-1+deb12u1";
export const INIT_VERSION = "0.19.0";
