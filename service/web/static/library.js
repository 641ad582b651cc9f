import { dressHeader } from "./header.js";

dressHeader();
