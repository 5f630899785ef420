/** Version of this package, the same in its manifest: a test says so. */
export const PACKAGE_VERSION = '0.1.0';
