void c_empty(void);    /* returns at once */
void c_callback(void); /* calls goEmpty once */
