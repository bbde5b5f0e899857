/** Begins the name of an entry that deletes what a lower layer has (OCI image spec 1.1, "Whiteouts"). */
export const WHITEOUT = '.wh.';

/** The entry that deletes all that lower layers have in its folder. */
export const OPAQUE = '.wh..wh..opq';
